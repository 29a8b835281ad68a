//! Tests of the line discipline: what is typed, what is read, what the screen shows.

use super::*;

fn typed(line: &mut LineDiscipline, keys: &[u8]) {
    for key in keys {
        assert_eq!(line.receive(*key), Received::Taken);
    }
}

fn screen(line: &mut LineDiscipline) -> String {
    let mut buf = vec![0; OUTPUT_CAPACITY];
    let count = line.take_output(&mut buf);
    String::from_utf8_lossy(&buf[..count]).into_owned()
}

fn read(line: &mut LineDiscipline) -> Result<Vec<u8>> {
    let mut buf = [0; 8192];
    line.read(&mut buf, false).map(|count| buf[..count].to_vec())
}

fn raw(min: u8, time: u8) -> LineDiscipline {
    let mut line = LineDiscipline::default();
    let mut termios = line.termios();
    termios.local = LocalFlags::empty();
    termios.cc[cc::VMIN] = min;
    termios.cc[cc::VTIME] = time;
    line.set_termios(termios);
    line
}

#[test]
fn a_line_is_read_when_it_is_ended_and_echoed_with_a_carriage_return() {
    let mut line = LineDiscipline::default();
    typed(&mut line, b"ls -l");
    assert_eq!(read(&mut line), Err(Errno::EWAIT));
    typed(&mut line, b"\rmore\n");
    assert_eq!(read(&mut line), Ok(b"ls -l\n".to_vec()));
    assert_eq!(read(&mut line), Ok(b"more\n".to_vec()));
    assert_eq!(screen(&mut line), "ls -l\r\nmore\r\n");
}

#[test]
fn a_short_buffer_gets_a_line_in_pieces() {
    let mut line = LineDiscipline::default();
    typed(&mut line, b"abcd\nx\n");
    let mut buf = [0; 3];
    assert_eq!((line.read(&mut buf, false), &buf), (Ok(3), b"abc"));
    assert_eq!(read(&mut line), Ok(b"d\n".to_vec()));
}

#[test]
fn erase_word_erase_and_kill_edit_the_line_and_the_screen() {
    let mut line = LineDiscipline::default();
    typed(&mut line, b"ab\x7fc\n");
    assert_eq!(read(&mut line), Ok(b"ac\n".to_vec()));
    assert_eq!(screen(&mut line), "ab\x08 \x08c\r\n");
    typed(&mut line, b"one two  \x17X\n");
    assert_eq!(read(&mut line), Ok(b"one X\n".to_vec()));
    typed(&mut line, b"gone\x15kept\n");
    assert_eq!(read(&mut line), Ok(b"kept\n".to_vec()));
    typed(&mut line, b"\x7f\x7fz\n");
    assert_eq!(read(&mut line), Ok(b"z\n".to_vec()), "erasing an empty line does nothing");
}

#[test]
fn erasing_removes_whole_utf8_characters_and_the_columns_of_tabs_and_controls() {
    let mut line = LineDiscipline::default();
    let mut termios = line.termios();
    termios.input |= InputFlags::IUTF8;
    line.set_termios(termios);
    typed(&mut line, "aé\x7f\n".as_bytes());
    assert_eq!(read(&mut line), Ok(b"a\n".to_vec()));
    assert_eq!(screen(&mut line), "aé\x08 \x08\r\n");
    typed(&mut line, b"a\t\x7f\n");
    assert_eq!(screen(&mut line), format!("a\t{}\r\n", "\x08 \x08".repeat(7)));
    typed(&mut line, b"\x01\x7f\n");
    assert_eq!(screen(&mut line), "^A\x08 \x08\x08 \x08\r\n");
}

#[test]
fn end_of_file_passes_what_is_typed_and_then_nothing() {
    let mut line = LineDiscipline::default();
    typed(&mut line, b"abc\x04");
    assert_eq!(read(&mut line), Ok(b"abc".to_vec()));
    assert_eq!(read(&mut line), Err(Errno::EWAIT));
    typed(&mut line, b"\x04");
    assert_eq!(read(&mut line), Ok(Vec::new()));
    assert_eq!(screen(&mut line), "abc");
}

#[test]
fn keys_raise_signals_and_drop_the_line_unless_told_otherwise() {
    let mut line = LineDiscipline::default();
    typed(&mut line, b"rm -r");
    assert_eq!(line.receive(3), Received::Signal(Signal::SIGINT));
    assert_eq!(screen(&mut line), "^C");
    typed(&mut line, b"x\n");
    assert_eq!(read(&mut line), Ok(b"x\n".to_vec()));
    assert_eq!(line.receive(0x1c), Received::Signal(Signal::SIGQUIT));
    assert_eq!(line.receive(0x1a), Received::Signal(Signal::SIGTSTP));
    let mut termios = line.termios();
    termios.local -= LocalFlags::ISIG;
    line.set_termios(termios);
    typed(&mut line, b"\x03\n");
    assert_eq!(read(&mut line), Ok(b"\x03\n".to_vec()));
}

#[test]
fn the_key_after_lnext_is_data() {
    let mut line = LineDiscipline::default();
    typed(&mut line, b"\x16\x03\n");
    assert_eq!(read(&mut line), Ok(b"\x03\n".to_vec()));
    assert_eq!(screen(&mut line), "^\x08^C\r\n");
}

#[test]
fn stop_holds_output_back_until_start() {
    let mut line = LineDiscipline::default();
    typed(&mut line, b"\x13");
    assert_eq!(line.write(b"x"), Err(Errno::EWAIT));
    assert!(!line.writable());
    typed(&mut line, b"\x11");
    assert_eq!(line.write(b"a\nb\tc"), Ok(5));
    assert_eq!(screen(&mut line), "a\r\nb\tc");
}

#[test]
fn raw_reads_wait_for_vmin_bytes() {
    let mut line = raw(3, 0);
    typed(&mut line, b"ab");
    assert!(!line.readable());
    assert_eq!(read(&mut line), Err(Errno::EWAIT));
    typed(&mut line, b"\r");
    assert!(line.readable());
    assert_eq!(read(&mut line), Ok(b"ab\n".to_vec()));
    let mut line = raw(0, 0);
    assert_eq!(read(&mut line), Ok(Vec::new()));
    assert_eq!(screen(&mut line), "", "no echo without ECHO");
}

#[test]
fn raw_reads_with_a_timeout_give_what_there_is() {
    let mut line = raw(0, 5);
    assert_eq!(read(&mut line), Err(Errno::EWAIT));
    assert_eq!(line.read(&mut [0; 4], true), Ok(0));
    let mut line = raw(3, 5);
    assert_eq!(line.read(&mut [0; 4], true), Err(Errno::EWAIT), "the clock starts with the first byte");
    typed(&mut line, b"a");
    assert_eq!(line.read(&mut [0; 4], true), Ok(1));
}

#[test]
fn switching_modes_keeps_what_was_typed() {
    let mut line = LineDiscipline::default();
    typed(&mut line, b"half");
    let canonical = line.termios();
    let mut termios = canonical;
    termios.local -= LocalFlags::ICANON;
    line.set_termios(termios);
    assert_eq!(read(&mut line), Ok(b"half".to_vec()));
    typed(&mut line, b"xy");
    line.set_termios(canonical);
    assert_eq!(read(&mut line), Ok(b"xy".to_vec()));
}

#[test]
fn input_and_output_are_bounded() {
    let mut line = raw(1, 0);
    typed(&mut line, &[b'x'; INPUT_CAPACITY]);
    assert_eq!(line.receive(b'x'), Received::Full);
    let mut line = LineDiscipline::default();
    typed(&mut line, &[b'x'; 2 * INPUT_CAPACITY]);
    typed(&mut line, b"\n");
    assert_eq!(read(&mut line).map(|text| text.len()), Ok(INPUT_CAPACITY), "a long line is cut, and can be ended");
    typed(&mut line, &[b'\n'; INPUT_CAPACITY]);
    assert_eq!(line.receive(b'\n'), Received::Full);
    line.flush_output();
    let big = vec![b'\n'; OUTPUT_CAPACITY];
    let written = line.write(&big).unwrap();
    assert!(written >= OUTPUT_CAPACITY / 2 - 8 && written < OUTPUT_CAPACITY);
    assert_eq!(line.write(b"x"), Err(Errno::EWAIT));
}
