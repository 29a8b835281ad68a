//! Program files that run: nobody writes them meanwhile, and what is open for writing does not run (ETXTBSY).

use super::FileId;
use agentos_abi::{Errno, Result};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// How often each file is open for writing (positive) or run (negative), as Linux' `i_writecount`. Its lock is a leaf.
#[derive(Default)]
pub(crate) struct TextTable(Mutex<HashMap<FileId, i64>>);

/// One writer, or one program; dropping it ends that.
pub(crate) struct TextUse {
    table: Arc<TextTable>,
    file: FileId,
    step: i64,
}

impl TextTable {
    /// A file is opened for writing. Errors: ETXTBSY while it runs.
    pub(crate) fn write(self: &Arc<Self>, file: FileId) -> Result<TextUse> {
        self.take(file, 1)
    }

    /// A file is run. Errors: ETXTBSY while it is open for writing.
    pub(crate) fn run(self: &Arc<Self>, file: FileId) -> Result<TextUse> {
        self.take(file, -1)
    }

    fn take(self: &Arc<Self>, file: FileId, step: i64) -> Result<TextUse> {
        let mut table = self.0.lock();
        let count = table.entry(file).or_default();
        if *count * step < 0 {
            return Err(Errno::ETXTBSY);
        }
        *count += step;
        Ok(TextUse { table: self.clone(), file, step })
    }
}

impl Drop for TextUse {
    fn drop(&mut self) {
        let mut table = self.table.0.lock();
        if let Some(count) = table.get_mut(&self.file) {
            *count -= self.step;
            if *count == 0 {
                table.remove(&self.file);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writers_and_programs_exclude_each_other() {
        let table = Arc::new(TextTable::default());
        let file = FileId { dev: 1, ino: 2 };
        let (one, two) = (table.write(file).unwrap(), table.write(file).unwrap());
        assert_eq!(table.run(file).err(), Some(Errno::ETXTBSY));
        drop(one);
        assert_eq!(table.run(file).err(), Some(Errno::ETXTBSY));
        drop(two);
        let program = table.run(file).unwrap();
        let _other = table.run(file).unwrap();
        assert_eq!(table.write(file).err(), Some(Errno::ETXTBSY));
        drop((program, _other));
        table.write(file).unwrap();
        assert!(table.0.lock().is_empty());
    }
}
