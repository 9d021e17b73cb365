//! Measures the file, and returns unused pages to the disk.

use super::writer::Writer;

impl Writer {
    /// Returns how many bytes of the file are in use, by deliveries in any state.
    pub(super) fn bytes_in_use(&self) -> Result<u64, rusqlite::Error> {
        let (pages, unused) = self.page_counts()?;
        Ok((pages - unused) * self.pragma("PRAGMA page_size")?)
    }

    /// Returns the number of pages of the file, and how many of them are unused.
    fn page_counts(&self) -> Result<(u64, u64), rusqlite::Error> {
        let pages = self.pragma("PRAGMA page_count")?;
        Ok((pages, self.pragma("PRAGMA freelist_count")?.min(pages)))
    }

    fn pragma(&self, name: &str) -> Result<u64, rusqlite::Error> {
        let mut statement = self.connection.prepare_cached(name)?;
        statement.query_row([], |row| row.get(0)).map(i64::unsigned_abs)
    }

    /// Returns a chunk of unused pages to the disk, and reports their number. Keeps a quarter of the file for
    /// new deliveries. Files created by schema version 1 cannot shrink.
    pub(super) fn free_pages(&self) -> Result<u64, rusqlite::Error> {
        let (pages, unused) = self.page_counts()?;
        if unused <= pages / 4 {
            return Ok(0);
        }
        let mut vacuum = self.connection.prepare_cached("PRAGMA incremental_vacuum(1000)")?;
        let mut freed = vacuum.query([])?;
        let mut count = 0;
        while freed.next()?.is_some() {
            count += 1;
        }
        Ok(count)
    }
}
