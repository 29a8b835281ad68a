//! The line being typed, and how many columns each of its characters takes.

/// Distance of tab stops.
const TAB: usize = 8;

/// Whether ECHOCTL shows the byte as `^X`.
pub(super) fn is_printed_as_control(byte: u8) -> bool {
    (byte < b' ' && byte != b'\t' && byte != b'\n') || byte == 0x7f
}

/// An unfinished line.
#[derive(Default)]
pub(super) struct EditedLine {
    bytes: Vec<u8>,
    /// Column of its first character: a tab's width depends on it.
    start: usize,
}

impl EditedLine {
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn last(&self) -> Option<u8> {
        self.bytes.last().copied()
    }

    pub(super) fn start_at(&mut self, column: usize) {
        self.start = column;
    }

    pub(super) fn push(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// Removes the last character (with `utf8` all its bytes); answers the columns that it took on the screen.
    pub(super) fn pop(&mut self, utf8: bool, control: bool) -> Option<usize> {
        let mut last = self.bytes.pop()?;
        while utf8 && last & 0xc0 == 0x80 {
            match self.bytes.pop() {
                Some(byte) => last = byte,
                None => break,
            }
        }
        Some(match last {
            b'\t' => TAB - self.column(control) % TAB,
            byte if is_printed_as_control(byte) => {
                if control {
                    2
                } else {
                    0
                }
            }
            _ => 1,
        })
    }

    /// Column after the last character.
    fn column(&self, control: bool) -> usize {
        self.bytes.iter().fold(self.start, |column, byte| match *byte {
            b'\t' => column + TAB - column % TAB,
            byte if is_printed_as_control(byte) => column + if control { 2 } else { 0 },
            byte if byte & 0xc0 == 0x80 => column,
            _ => column + 1,
        })
    }
}
