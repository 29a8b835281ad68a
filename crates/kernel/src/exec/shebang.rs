//! `#!` lines (execve(2), "Interpreter scripts"; Linux' fs/binfmt_script.c).

use agentos_abi::{Errno, Result};

/// How much of a file is looked at (BINPRM_BUF_SIZE).
pub(super) const HEAD_BYTES: usize = 256;

/// An interpreter and its one optional argument.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shebang {
    pub(super) interpreter: Vec<u8>,
    pub(super) argument: Option<Vec<u8>>,
}

/// Parses the head of a file. `None`: not a script. Everything after the interpreter is one argument, blanks inside included.
///
/// # Errors
/// ENOEXEC: a line without an interpreter, or whose interpreter is cut off by the end of the buffer.
pub(super) fn parse(head: &[u8]) -> Result<Option<Shebang>> {
    let Some(rest) = head.strip_prefix(b"#!") else { return Ok(None) };
    let (line, whole) = match rest.iter().position(|b| *b == b'\n') {
        Some(end) => (&rest[..end], true),
        // A short file may end without a newline.
        None => (rest, head.len() < HEAD_BYTES),
    };
    // A NUL ends the line, as it does in the kernel's C strings.
    let line = line.split(|b| *b == 0).next().unwrap_or_default();
    let line = trim(line);
    let end = line.iter().position(|b| is_blank(*b));
    if line.is_empty() || (end.is_none() && !whole) {
        return Err(Errno::ENOEXEC);
    }
    let (interpreter, argument) = line.split_at(end.unwrap_or(line.len()));
    let argument = trim(argument);
    Ok(Some(Shebang { interpreter: interpreter.to_vec(), argument: (!argument.is_empty()).then(|| argument.to_vec()) }))
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes {
        if !is_blank(*first) {
            break;
        }
        bytes = rest;
    }
    while let [rest @ .., last] = bytes {
        if !is_blank(*last) {
            break;
        }
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(head: &[u8], interpreter: &[u8], argument: Option<&[u8]>) {
        assert_eq!(parse(head), Ok(Some(Shebang { interpreter: interpreter.to_vec(), argument: argument.map(<[u8]>::to_vec) })));
    }

    #[test]
    fn lines_are_split_as_linux_does() {
        ok(b"#!/bin/sh\n", b"/bin/sh", None);
        ok(b"#! \t/bin/sh\t \n", b"/bin/sh", None);
        ok(b"#!/usr/bin/env -S node  --x \nrest", b"/usr/bin/env", Some(b"-S node  --x"));
        ok(b"#!/bin/sh", b"/bin/sh", None);
        ok(b"#!/bin/sh\r\n", b"/bin/sh\r", None);
        assert_eq!(parse(b"#!\n"), Err(Errno::ENOEXEC));
        assert_eq!(parse(b"#!   \n/bin/sh"), Err(Errno::ENOEXEC));
        assert_eq!(parse(b"#"), Ok(None));
        assert_eq!(parse(b"\x7fELF"), Ok(None));
    }

    #[test]
    fn an_interpreter_that_does_not_fit_is_refused_and_an_argument_is_cut() {
        let mut head = b"#!/".to_vec();
        head.resize(HEAD_BYTES, b'x');
        assert_eq!(parse(&head), Err(Errno::ENOEXEC));
        let mut head = b"#!/bin/sh ".to_vec();
        head.resize(HEAD_BYTES, b'x');
        let argument = vec![b'x'; HEAD_BYTES - 10];
        ok(&head, b"/bin/sh", Some(&argument));
    }
}
