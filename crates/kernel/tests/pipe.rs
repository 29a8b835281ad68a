//! Pipes and FIFOs through the system calls (pipe(7), fifo(7)).

mod support;

use agentos_abi::fcntl::{AT_FDCWD, Fcntl};
use agentos_abi::ioctl::{Ioctl, IoctlReply};
use agentos_abi::signal::{Disposition, SigAction, SigHow};
use agentos_abi::{Errno, FileType, OpenFlags, Signal, WaitStatus};
use agentos_kernel::Limits;
use agentos_syscall::Attention;
use support::{Machine, open, read, read_to_end, write_all};

#[test]
fn writing_without_a_reader_is_epipe_and_raises_sigpipe() {
    let machine = Machine::new();
    let task = machine.process();
    let (reader, writer) = task.pipe2(OpenFlags::empty()).unwrap();
    task.close(reader).unwrap();
    task.sigaction(Signal::SIGPIPE, Some(SigAction { disposition: Disposition::Ignore, ..SigAction::default() })).unwrap();
    assert_eq!(task.write(writer, b"x"), Err(Errno::EPIPE));
    task.sigaction(Signal::SIGPIPE, Some(SigAction { disposition: Disposition::Handler(5), ..SigAction::default() })).unwrap();
    assert_eq!(task.write(writer, b"x"), Err(Errno::EPIPE));
    let taken = task.take_signal().unwrap();
    assert_eq!(taken.signal, Signal::SIGPIPE);
    task.sigprocmask(Some((SigHow::SetMask, taken.old_mask)));
    task.sigaction(Signal::SIGPIPE, Some(SigAction::default())).unwrap();
    assert_eq!(task.write(writer, b"x"), Err(Errno::EPIPE));
    assert!(task.attention().has(Attention::EXITED));
}

#[test]
fn an_empty_pipe_waits_and_a_nonblocking_one_does_not() {
    let machine = Machine::new();
    let task = machine.process();
    let (reader, writer) = task.pipe2(OpenFlags::NONBLOCK).unwrap();
    assert_eq!(task.read(reader, &mut [0]), Err(Errno::EAGAIN));
    assert_eq!(task.write(writer, &[0; 70_000]), Ok(65536));
    assert_eq!(task.write(writer, &[0]), Err(Errno::EAGAIN));
    task.fcntl(writer, Fcntl::SetFl(OpenFlags::empty())).unwrap();
    assert_eq!(task.write(writer, &[0]), Err(Errno::EWAIT));
    assert_eq!(task.ioctl(reader, Ioctl::InputQueue), Ok(IoctlReply::Int(65536)));
    assert_eq!(task.read(writer, &mut [0]), Err(Errno::EBADF));
    assert_eq!(task.write(reader, &[0]), Err(Errno::EBADF));
    assert_eq!(task.pread(reader, &mut [0], 0), Err(Errno::ESPIPE));
    assert_eq!(task.lseek(reader, 0, 0), Err(Errno::ESPIPE));
    assert_eq!(task.pipe2(OpenFlags::APPEND), Err(Errno::EINVAL));
}

#[test]
fn a_stream_passes_between_threads_whole() {
    let machine = Machine::new();
    let reading = machine.process();
    let (reader, writer) = reading.pipe2(OpenFlags::empty()).unwrap();
    let writing = reading.fork().unwrap();
    reading.close(writer).unwrap();
    writing.close(reader).unwrap();
    let sent: Vec<u8> = (0..1_000_000u32).flat_map(u32::to_le_bytes).collect();
    let expected = sent.clone();
    let thread = std::thread::spawn(move || {
        for chunk in sent.chunks(10_007) {
            write_all(&writing, writer, chunk).unwrap();
        }
        writing.exit(WaitStatus::Exited(0));
    });
    assert!(read_to_end(&reading, reader).unwrap() == expected);
    thread.join().unwrap();
}

#[test]
fn writers_of_pipe_buf_do_not_mix() {
    let machine = Machine::new();
    let reading = machine.process();
    let (reader, writer) = reading.pipe2(OpenFlags::empty()).unwrap();
    let threads: Vec<_> = (1..=4u8)
        .map(|id| {
            let task = reading.fork().unwrap();
            std::thread::spawn(move || {
                for _ in 0..200 {
                    write_all(&task, writer, &[id; 4096]).unwrap();
                }
                task.exit(WaitStatus::Exited(0));
            })
        })
        .collect();
    reading.close(writer).unwrap();
    let all = read_to_end(&reading, reader).unwrap();
    assert_eq!(all.len(), 4 * 200 * 4096);
    assert!(all.chunks(4096).all(|record| record.iter().all(|byte| *byte == record[0])));
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_blocked_reader_ends_when_it_is_killed() {
    let machine = Machine::new();
    let task = machine.process();
    let (reader, _writer) = task.pipe2(OpenFlags::empty()).unwrap();
    let killer = machine.kernel.clone();
    let pid = task.getpid();
    let thread = std::thread::spawn(move || read(&task, reader, &mut [0]));
    killer.kill(pid, Signal::SIGKILL).unwrap();
    assert!(matches!(thread.join().unwrap(), Err(Errno::EINTR | Errno::ESRCH)));
}

#[test]
fn a_pipe_shows_as_a_fifo_and_its_size_can_be_set() {
    let machine = Machine::new();
    let task = machine.process();
    let (reader, writer) = task.pipe2(OpenFlags::empty()).unwrap();
    let stat = task.fstat(reader).unwrap();
    assert_eq!((stat.file_type, stat.ino), (FileType::Fifo, task.fstat(writer).unwrap().ino));
    assert_eq!(task.fcntl(reader, Fcntl::GetPipeSize), Ok(65536));
    assert_eq!(task.fcntl(reader, Fcntl::SetPipeSize(100_000)), Ok(131_072));
    assert_eq!(task.write(writer, &[0; 131_072]), Ok(131_072));
    assert_eq!(task.fcntl(reader, Fcntl::SetPipeSize(4096)), Err(Errno::EBUSY));
    task.setresuid(None, Some(1000), None).unwrap();
    assert_eq!(task.fcntl(reader, Fcntl::SetPipeSize(2 << 20)), Err(Errno::EPERM));
    let fd = task.openat(AT_FDCWD, b"/bin", OpenFlags::empty(), 0).unwrap();
    assert_eq!(task.fcntl(fd, Fcntl::GetPipeSize), Err(Errno::EBADF));
}

#[test]
fn the_vm_bounds_the_memory_of_its_pipes() {
    let machine = Machine::with_limits(Limits { max_pipe_bytes: 65536 + 4096, ..Limits::default() });
    let task = machine.process();
    let (first, _) = task.pipe2(OpenFlags::empty()).unwrap();
    let (second, _) = task.pipe2(OpenFlags::empty()).unwrap();
    assert_eq!((task.fcntl(first, Fcntl::GetPipeSize), task.fcntl(second, Fcntl::GetPipeSize)), (Ok(65536), Ok(4096)));
    assert_eq!(task.pipe2(OpenFlags::empty()), Err(Errno::ENFILE));
    assert_eq!(task.fcntl(second, Fcntl::SetPipeSize(8192)), Err(Errno::EPERM));
    task.close_range(0, 100, false).unwrap();
    task.pipe2(OpenFlags::empty()).unwrap();
}

#[test]
fn opening_a_fifo_waits_for_the_other_side() {
    let machine = Machine::new();
    let reading = machine.process();
    reading.mknodat(AT_FDCWD, b"/tmp/fifo", 0o010666, 0).unwrap();
    assert_eq!(reading.openat(AT_FDCWD, b"/tmp/fifo", OpenFlags::WRONLY | OpenFlags::NONBLOCK, 0), Err(Errno::ENXIO));
    assert_eq!(reading.openat(AT_FDCWD, b"/tmp/fifo", OpenFlags::empty(), 0), Err(Errno::EWAIT));
    assert_eq!(reading.openat(AT_FDCWD, b"/tmp/fifo", OpenFlags::empty(), 0), Err(Errno::EWAIT), "asking again changes nothing");
    let writing = machine.process();
    let thread = std::thread::spawn(move || {
        let writer = open(&writing, "/tmp/fifo", OpenFlags::WRONLY).unwrap();
        write_all(&writing, writer, b"through").unwrap();
        writing.exit(WaitStatus::Exited(0));
    });
    let reader = open(&reading, "/tmp/fifo", OpenFlags::empty()).unwrap();
    assert_eq!(read_to_end(&reading, reader), Ok(b"through".to_vec()));
    thread.join().unwrap();
    let both = reading.openat(AT_FDCWD, b"/tmp/fifo", OpenFlags::RDWR, 0).unwrap();
    assert_eq!(reading.fstat(both).unwrap().file_type, FileType::Fifo);
}

#[test]
fn an_interrupted_opener_no_longer_counts() {
    let machine = Machine::new();
    let task = machine.process();
    task.mknodat(AT_FDCWD, b"/tmp/fifo", 0o010666, 0).unwrap();
    task.sigaction(Signal::SIGUSR1, Some(SigAction { disposition: Disposition::Handler(5), ..SigAction::default() })).unwrap();
    assert_eq!(task.openat(AT_FDCWD, b"/tmp/fifo", OpenFlags::empty(), 0), Err(Errno::EWAIT));
    task.kill(task.getpid(), Some(Signal::SIGUSR1)).unwrap();
    assert!(task.take_signal().is_some());
    let other = machine.process();
    assert_eq!(other.openat(AT_FDCWD, b"/tmp/fifo", OpenFlags::WRONLY | OpenFlags::NONBLOCK, 0), Err(Errno::ENXIO));
}
