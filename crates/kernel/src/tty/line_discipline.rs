//! The line discipline (N_TTY): what typing does before a program sees it, and what a program writes before a screen does.
//!
//! Pure state: it sends no signals and wakes nobody. [`LineDiscipline::receive`] answers what a key asked for.

use super::edit::{EditedLine, is_printed_as_control};
use agentos_abi::termios::{InputFlags, LocalFlags, OutputFlags, cc};
use agentos_abi::{Errno, Result, Signal, Termios};
use std::collections::VecDeque;

/// Bytes of input kept (Linux' N_TTY_BUF_SIZE); a line has one less for its end.
pub(super) const INPUT_CAPACITY: usize = 4096;
/// Bytes of output kept for the master.
pub(super) const OUTPUT_CAPACITY: usize = 65536;
/// What echo may take beyond that, in bytes; more is lost.
const ECHO_SLACK: usize = 4096;
/// Distance of tab stops.
const TAB: usize = 8;

/// What a received byte did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// It was taken.
    Taken,
    /// There is no room until somebody reads.
    Full,
    /// It raises a signal in the foreground group.
    Signal(Signal),
}

/// Both directions of a terminal.
#[derive(Default)]
pub(super) struct LineDiscipline {
    termios: Termios,
    /// Input that may be read.
    ready: VecDeque<u8>,
    /// In canonical mode: lengths of the lines in `ready`. One of length 0 is an end of file.
    lines: VecDeque<usize>,
    /// In canonical mode: the line being typed.
    edited: EditedLine,
    /// The next byte loses its meaning (LNEXT).
    literal: bool,
    /// Output for the master.
    output: VecDeque<u8>,
    /// Column of the cursor, as far as it can be known.
    column: usize,
    /// Output is held back by STOP.
    stopped: bool,
}

impl LineDiscipline {
    pub(super) fn termios(&self) -> Termios {
        self.termios
    }

    /// Changes attributes. What was typed stays: leaving canonical mode makes an unfinished line readable, entering it makes a line
    /// of what is there.
    pub(super) fn set_termios(&mut self, termios: Termios) {
        let was_canonical = self.canonical();
        self.termios = termios;
        match (was_canonical, self.canonical()) {
            (true, false) => {
                self.ready.extend(self.edited.take());
                self.lines.clear();
            }
            (false, true) if !self.ready.is_empty() => self.lines.push_back(self.ready.len()),
            _ => {}
        }
        if !self.input(InputFlags::IXON) {
            self.stopped = false;
        }
    }

    fn canonical(&self) -> bool {
        self.local(LocalFlags::ICANON)
    }

    fn local(&self, flag: LocalFlags) -> bool {
        self.termios.local.contains(flag)
    }

    fn input(&self, flag: InputFlags) -> bool {
        self.termios.input.contains(flag)
    }

    /// Whether `byte` is this control character; 0 disables one.
    fn is(&self, byte: u8, which: usize) -> bool {
        byte != 0 && self.termios.cc[which] == byte
    }

    pub(super) fn flush_input(&mut self) {
        self.ready.clear();
        self.lines.clear();
        self.edited.take();
        self.literal = false;
    }

    pub(super) fn flush_output(&mut self) {
        self.output.clear();
    }

    pub(super) fn stop_output(&mut self, stop: bool) {
        self.stopped = stop;
    }

    pub(super) fn send_flow_character(&mut self, stop: bool) {
        let byte = self.termios.cc[if stop { cc::VSTOP } else { cc::VSTART }];
        if byte != 0 {
            self.emit(&[byte]);
        }
    }

    /// Takes one byte that was typed.
    pub(super) fn receive(&mut self, byte: u8) -> Received {
        let Some(byte) = self.map_input(byte) else { return Received::Taken };
        if std::mem::take(&mut self.literal) {
            return self.accept(byte);
        }
        if let Some(received) = self.flow_key(byte) {
            return received;
        }
        if self.local(LocalFlags::ISIG) {
            for (which, signal) in [(cc::VINTR, Signal::SIGINT), (cc::VQUIT, Signal::SIGQUIT), (cc::VSUSP, Signal::SIGTSTP)] {
                if self.is(byte, which) {
                    return self.signal_key(byte, signal);
                }
            }
        }
        if self.canonical() && self.editing_key(byte) {
            return Received::Taken;
        }
        self.accept(byte)
    }

    /// ISTRIP, IGNCR, ICRNL, INLCR.
    fn map_input(&self, byte: u8) -> Option<u8> {
        let byte = if self.input(InputFlags::ISTRIP) { byte & 0x7f } else { byte };
        match byte {
            b'\r' if self.input(InputFlags::IGNCR) => None,
            b'\r' if self.input(InputFlags::ICRNL) => Some(b'\n'),
            b'\n' if self.input(InputFlags::INLCR) => Some(b'\r'),
            _ => Some(byte),
        }
    }

    /// START and STOP; any key restarts with IXANY.
    fn flow_key(&mut self, byte: u8) -> Option<Received> {
        if !self.input(InputFlags::IXON) {
            return None;
        }
        if self.is(byte, cc::VSTART) {
            self.stopped = false;
            return Some(Received::Taken);
        }
        if self.is(byte, cc::VSTOP) {
            self.stopped = true;
            return Some(Received::Taken);
        }
        if self.stopped && self.input(InputFlags::IXANY) {
            self.stopped = false;
        }
        None
    }

    fn signal_key(&mut self, byte: u8, signal: Signal) -> Received {
        if !self.local(LocalFlags::NOFLSH) {
            self.flush_input();
            self.flush_output();
        }
        self.stopped = false;
        self.echo(byte);
        Received::Signal(signal)
    }

    /// Keys that edit or end the line. Answers whether `byte` was one.
    fn editing_key(&mut self, byte: u8) -> bool {
        let extended = self.local(LocalFlags::IEXTEN);
        if self.is(byte, cc::VERASE) {
            self.erase_one(byte);
        } else if self.is(byte, cc::VKILL) {
            self.kill_line(byte);
        } else if self.is(byte, cc::VEOF) {
            self.end_line(None);
        } else if extended && self.is(byte, cc::VWERASE) {
            self.erase_word(byte);
        } else if extended && self.is(byte, cc::VLNEXT) {
            self.literal = true;
            if self.local(LocalFlags::ECHO) && self.local(LocalFlags::ECHOCTL) {
                self.emit(b"^\x08");
            }
        } else if extended && self.local(LocalFlags::ECHO) && self.is(byte, cc::VREPRINT) {
            self.reprint(byte);
        } else {
            return false;
        }
        true
    }

    /// Takes a byte as data.
    fn accept(&mut self, byte: u8) -> Received {
        if !self.canonical() {
            if self.ready.len() >= INPUT_CAPACITY {
                return Received::Full;
            }
            self.echo(byte);
            self.ready.push_back(byte);
            return Received::Taken;
        }
        let ends = byte == b'\n' || self.is(byte, cc::VEOL) || (self.is(byte, cc::VEOL2) && self.local(LocalFlags::IEXTEN));
        // One place is kept for the end of the line, or a full line could never be finished.
        let room = INPUT_CAPACITY.saturating_sub(self.ready.len() + self.edited.len());
        if room == 0 {
            return Received::Full;
        }
        if room == 1 && !ends {
            if !self.lines.is_empty() {
                return Received::Full;
            }
            if self.input(InputFlags::IMAXBEL) {
                self.emit(b"\x07");
            }
            return Received::Taken;
        }
        if ends {
            self.echo(byte);
            self.end_line(Some(byte));
        } else {
            if self.edited.is_empty() {
                self.edited.start_at(self.column);
            }
            self.echo(byte);
            self.edited.push(byte);
        }
        Received::Taken
    }

    fn end_line(&mut self, end: Option<u8>) {
        let line = self.edited.take();
        self.lines.push_back(line.len() + usize::from(end.is_some()));
        self.ready.extend(line);
        self.ready.extend(end);
    }

    fn erase_one(&mut self, key: u8) {
        let utf8 = self.input(InputFlags::IUTF8);
        let width = self.edited.pop(utf8, self.local(LocalFlags::ECHOCTL));
        self.echo_erasure(key, width);
    }

    fn erase_word(&mut self, key: u8) {
        let control = self.local(LocalFlags::ECHOCTL);
        let mut in_word = false;
        while let Some(last) = self.edited.last() {
            let word = last.is_ascii_alphanumeric() || last == b'_' || last >= 0x80;
            if in_word && !word {
                break;
            }
            in_word |= word;
            let width = self.edited.pop(self.input(InputFlags::IUTF8), control);
            self.echo_erasure(key, width);
        }
    }

    fn kill_line(&mut self, key: u8) {
        if self.local(LocalFlags::ECHOKE) && self.local(LocalFlags::ECHOE) {
            while !self.edited.is_empty() {
                let width = self.edited.pop(self.input(InputFlags::IUTF8), self.local(LocalFlags::ECHOCTL));
                self.echo_erasure(key, width);
            }
            return;
        }
        self.edited.take();
        self.echo(key);
        if self.local(LocalFlags::ECHOK) {
            self.put(b'\n');
        }
    }

    /// Shows that a character of `width` columns is gone. `None`: there was none.
    fn echo_erasure(&mut self, key: u8, width: Option<usize>) {
        let Some(width) = width else { return };
        if !self.local(LocalFlags::ECHO) {
            return;
        }
        if !self.local(LocalFlags::ECHOE) {
            self.echo(key);
            return;
        }
        for _ in 0..width {
            self.emit(b"\x08 \x08");
            self.column = self.column.saturating_sub(1);
        }
    }

    fn reprint(&mut self, key: u8) {
        self.echo(key);
        self.put(b'\n');
        self.edited.start_at(self.column);
        for byte in self.edited.bytes().to_vec() {
            self.echo(byte);
        }
    }

    /// ECHO, ECHONL, ECHOCTL.
    fn echo(&mut self, byte: u8) {
        let shown = self.local(LocalFlags::ECHO) || (byte == b'\n' && self.canonical() && self.local(LocalFlags::ECHONL));
        if !shown {
            return;
        }
        if self.local(LocalFlags::ECHOCTL) && is_printed_as_control(byte) {
            self.put(b'^');
            self.put(byte ^ 0x40);
        } else {
            self.put(byte);
        }
    }

    /// Processes one byte of output (OPOST) into the queue. The caller has seen to the room.
    fn put(&mut self, byte: u8) {
        let flags = self.termios.output;
        if !flags.contains(OutputFlags::OPOST) {
            self.emit(&[byte]);
            return;
        }
        match byte {
            b'\n' => {
                if flags.contains(OutputFlags::ONLCR) {
                    self.emit(b"\r");
                }
                if flags.intersects(OutputFlags::ONLCR | OutputFlags::ONLRET) {
                    self.column = 0;
                }
                self.emit(b"\n");
            }
            b'\r' if flags.contains(OutputFlags::ONOCR) && self.column == 0 => {}
            b'\r' if flags.contains(OutputFlags::OCRNL) => {
                if flags.contains(OutputFlags::ONLRET) {
                    self.column = 0;
                }
                self.emit(b"\n");
            }
            b'\r' => {
                self.column = 0;
                self.emit(b"\r");
            }
            b'\t' => {
                let spaces = TAB - self.column % TAB;
                self.column += spaces;
                if flags.contains(OutputFlags::XTABS) { self.emit(&[b' '; TAB][..spaces]) } else { self.emit(b"\t") }
            }
            8 => {
                self.column = self.column.saturating_sub(1);
                self.emit(&[byte]);
            }
            _ => {
                // Bytes inside a UTF-8 character take no column of their own.
                let inside = self.input(InputFlags::IUTF8) && byte & 0xc0 == 0x80;
                self.column += usize::from(byte >= b' ' && byte != 0x7f && !inside);
                self.emit(&[byte]);
            }
        }
    }

    fn emit(&mut self, bytes: &[u8]) {
        if self.output.len() + bytes.len() <= OUTPUT_CAPACITY + ECHO_SLACK {
            self.output.extend(bytes);
        }
    }

    /// Takes what a program writes. Errors: EWAIT without room, or while stopped.
    pub(super) fn write(&mut self, buf: &[u8]) -> Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        if self.stopped {
            return Err(Errno::EWAIT);
        }
        let mut taken = 0;
        // One byte becomes at most a tab's width.
        while taken < buf.len() && self.output.len() + TAB <= OUTPUT_CAPACITY {
            self.put(buf[taken]);
            taken += 1;
        }
        if taken == 0 { Err(Errno::EWAIT) } else { Ok(taken) }
    }

    pub(super) fn writable(&self) -> bool {
        !self.stopped && self.output.len() + TAB <= OUTPUT_CAPACITY
    }

    /// Bytes that a poll(2) for reading needs.
    pub(super) fn readable(&self) -> bool {
        if self.canonical() {
            return !self.lines.is_empty();
        }
        let (min, time) = self.min_and_time();
        let needed = if time == 0 { min.max(1) } else { 1 };
        self.ready.len() >= needed
    }

    /// VMIN in bytes and VTIME in tenths of a second.
    pub(super) fn min_and_time(&self) -> (usize, u64) {
        (usize::from(self.termios.cc[cc::VMIN]), u64::from(self.termios.cc[cc::VTIME]))
    }

    /// Bytes that could be read now (FIONREAD).
    pub(super) fn available(&self) -> usize {
        self.ready.len()
    }

    /// Bytes that the master has not read (TIOCOUTQ).
    pub(super) fn unread_output(&self) -> usize {
        self.output.len()
    }

    /// Whether reads are bounded by VTIME.
    pub(super) fn is_timed(&self) -> bool {
        !self.canonical() && self.min_and_time().1 > 0
    }

    /// Hands input to a program: at most one line in canonical mode; else at least VMIN bytes, or with `timed_out` what there is.
    /// Errors: EWAIT.
    pub(super) fn read(&mut self, buf: &mut [u8], timed_out: bool) -> Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        if !self.canonical() {
            let (min, time) = self.min_and_time();
            // Without VMIN one byte ends the wait for VTIME, and without VTIME there is no wait.
            let needed = if min == 0 { usize::from(time > 0) } else { min.min(buf.len()) };
            if self.ready.len() < needed && !(timed_out && (min == 0 || !self.ready.is_empty())) {
                return Err(Errno::EWAIT);
            }
            return Ok(self.take_ready(buf, usize::MAX));
        }
        let line = *self.lines.front().ok_or(Errno::EWAIT)?;
        let read = self.take_ready(buf, line);
        match self.lines.front_mut() {
            Some(left) if read < line => *left = line - read,
            _ => drop(self.lines.pop_front()),
        }
        Ok(read)
    }

    fn take_ready(&mut self, buf: &mut [u8], most: usize) -> usize {
        take(&mut self.ready, buf, most)
    }

    /// Hands output to the master. 0: there is none.
    pub(super) fn take_output(&mut self, buf: &mut [u8]) -> usize {
        take(&mut self.output, buf, usize::MAX)
    }
}

/// Moves bytes from a queue to a buffer.
fn take(queue: &mut VecDeque<u8>, buf: &mut [u8], most: usize) -> usize {
    let count = buf.len().min(queue.len()).min(most);
    for (out, byte) in buf.iter_mut().zip(queue.drain(..count)) {
        *out = byte;
    }
    count
}

#[cfg(test)]
mod tests;
