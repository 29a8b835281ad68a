//! Tests of the pipe queue and its ends.

use super::*;
use agentos_abi::OpenFlags;
use agentos_vfs::File;

fn budget() -> Arc<PipeBudget> {
    PipeBudget::new(1 << 20, Arc::default())
}

fn pair() -> (PipeEnd, PipeEnd) {
    let pipe = Pipe::new(&budget(), Timespec::default(), (0, 0)).unwrap();
    (PipeEnd::new(pipe.clone(), true, false, true), PipeEnd::new(pipe, false, true, true))
}

#[test]
fn bytes_come_out_in_order_across_the_seam() {
    let (reader, writer) = pair();
    let mut expected = 0u8;
    let mut bytes = (0..=u8::MAX).cycle();
    for round in 1..200usize {
        let chunk: Vec<u8> = bytes.by_ref().take(round * 13).collect();
        assert_eq!(writer.write_at(&chunk, 0, false), Ok((chunk.len(), 0)));
        // A few bytes stay behind each time, so that the queue's ends move apart and wrap.
        let mut buf = vec![0; chunk.len() - round % 7];
        let read = reader.read_at(&mut buf, 0).unwrap();
        for byte in &buf[..read] {
            assert_eq!(*byte, expected);
            expected = expected.wrapping_add(1);
        }
    }
}

#[test]
fn a_small_write_is_all_or_nothing_and_a_large_one_takes_the_room_there_is() {
    let (reader, writer) = pair();
    assert_eq!(writer.write_at(&vec![1; DEFAULT_CAPACITY - 10], 0, false), Ok((DEFAULT_CAPACITY - 10, 0)));
    assert_eq!(writer.write_at(&[2; 11], 0, false), Err(Errno::EWAIT));
    assert_eq!(writer.write_at(&[2; PIPE_BUF + 1], 0, false), Ok((10, 0)));
    assert_eq!(writer.write_at(&[2; PIPE_BUF + 1], 0, false), Err(Errno::EWAIT));
    assert_eq!(reader.read_at(&mut [0; 100], 0), Ok(100));
}

#[test]
fn poll_tells_of_data_room_and_a_missing_side() {
    let (reader, writer) = pair();
    assert_eq!(reader.poll(), Events::empty());
    assert_eq!(writer.poll(), Events::WRITE);
    writer.write_at(&vec![0; DEFAULT_CAPACITY - PIPE_BUF + 1], 0, false).unwrap();
    assert_eq!(writer.poll(), Events::empty(), "less than PIPE_BUF of room is not writable");
    assert_eq!(reader.poll(), Events::READ);
    drop(writer);
    assert_eq!(reader.poll(), Events::READ | Events::HUP);
    let (reader, writer) = pair();
    drop(reader);
    assert_eq!(writer.poll(), Events::WRITE | Events::ERR);
    assert_eq!(writer.write_at(b"x", 0, false), Err(Errno::EPIPE));
}

#[test]
fn capacity_is_a_power_of_two_of_pages_within_its_bounds() {
    let (_reader, writer) = pair();
    let pipe = writer.pipe();
    assert_eq!(pipe.set_capacity(5000, false), Ok(8192));
    writer.write_at(&[0; 8192], 0, false).unwrap();
    assert_eq!(pipe.set_capacity(4096, false), Err(Errno::EBUSY));
    assert_eq!(pipe.set_capacity((1 << 20) + 1, false), Err(Errno::EPERM));
    assert_eq!(pipe.set_capacity(0, true), Err(Errno::EINVAL));
    assert_eq!(pipe.set_capacity(u32::MAX, true), Err(Errno::EINVAL));
}

#[test]
fn pipes_shrink_and_then_fail_when_the_vm_has_used_its_pipe_memory() {
    let budget = PipeBudget::new(DEFAULT_CAPACITY + MIN_CAPACITY, Arc::default());
    let first = Pipe::new(&budget, Timespec::default(), (0, 0)).unwrap();
    let second = Pipe::new(&budget, Timespec::default(), (0, 0)).unwrap();
    assert_eq!((first.capacity(), second.capacity()), (DEFAULT_CAPACITY, MIN_CAPACITY));
    assert_eq!(Pipe::new(&budget, Timespec::default(), (0, 0)).err(), Some(Errno::ENFILE));
    drop((first, second));
    assert_eq!(budget.used(), 0);
}

#[test]
fn a_fifo_reader_waits_for_a_writer_and_notices_one_that_came_and_went() {
    let pipe = Pipe::new(&budget(), Timespec::default(), (0, 0)).unwrap();
    let write_only = OpenFlags::WRONLY;
    assert!(matches!(FifoOpen::start(pipe.clone(), write_only | OpenFlags::NONBLOCK, false), Err(Errno::ENXIO)));
    let Ok(FifoOpen::WaitForPeer(end, seen)) = FifoOpen::start(pipe.clone(), OpenFlags::empty(), false) else { panic!() };
    assert!(!end.peer_came(seen));
    assert!(matches!(FifoOpen::start(pipe.clone(), write_only, false), Ok(FifoOpen::Open(_))));
    assert_eq!(pipe.sides(), (1, 0));
    assert!(end.peer_came(seen));
    assert_eq!(end.read_at(&mut [0; 1], 0), Ok(0));
}
