//! Keeps the `Webhook-Id`s of stored deliveries in memory, to find duplicates.
//!
//! An index in the file would write a random page for each delivery, which costs more than everything else
//! about storing it. Memory is enough because one process has the file. An entry has eight bytes, which are
//! part of a hash and part of a row number, so it only says where to look: the row decides.
//!
//! One hash table of a million entries would have room for two million, because tables double. Therefore
//! the index is many short lists, which are searched linearly and grow by a quarter.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

/// How many bits of an entry belong to the row number. Rows further apart than that collide, which looking
/// at the row resolves.
const SEQ_BITS: u32 = 28;
const SEQ_MASK: u64 = (1 << SEQ_BITS) - 1;

/// How many bits of a hash an entry has, and how many of them select the list.
const HASH_BITS: u32 = u64::BITS - SEQ_BITS;
const LIST_BITS: u32 = 14;

/// The part of a hash that the index stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct DedupHash(u64);

/// The ids of all deliveries that a new one may be a duplicate of.
pub(super) struct DedupIndex {
    lists: Box<[Vec<u64>]>,
    hasher: RandomState,
}

impl DedupIndex {
    pub(super) fn new() -> Self {
        Self { lists: vec![Vec::new(); 1 << LIST_BITS].into(), hasher: RandomState::default() }
    }

    /// Returns the hash of a delivery of an endpoint.
    pub(super) fn hash(&self, endpoint: i64, webhook_id: &str) -> DedupHash {
        DedupHash(self.hasher.hash_one((endpoint, webhook_id)) >> SEQ_BITS)
    }

    /// Returns the rows up to `newest` that may have this hash.
    pub(super) fn find(&self, hash: DedupHash, newest: i64) -> impl Iterator<Item = i64> {
        let newest_part = newest.unsigned_abs() & SEQ_MASK;
        let list = &self.lists[list_of(hash)];
        list.iter().filter(move |entry| *entry >> SEQ_BITS == hash.0).map(move |entry| {
            let behind = newest_part.wrapping_sub(entry & SEQ_MASK) & SEQ_MASK;
            newest.saturating_sub_unsigned(behind)
        })
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lists.iter().map(Vec::len).sum()
    }

    pub(super) fn insert(&mut self, hash: DedupHash, seq: i64) {
        let list = &mut self.lists[list_of(hash)];
        if list.len() == list.capacity() {
            list.reserve_exact(spare_capacity(list.len()));
        }
        list.push(pack(hash, seq));
    }

    pub(super) fn remove(&mut self, hash: DedupHash, seq: i64) {
        let list = &mut self.lists[list_of(hash)];
        let packed = pack(hash, seq);
        if let Some(at) = list.iter().position(|entry| *entry == packed) {
            list.swap_remove(at);
        }
        // Shrinks again after the store was once full.
        if list.len() < list.capacity() / 2 {
            list.shrink_to(list.len() + spare_capacity(list.len()));
        }
    }
}

/// Returns the spare capacity of a list of this length after it grows or shrinks.
fn spare_capacity(len: usize) -> usize {
    (len / 4).max(4)
}

fn pack(hash: DedupHash, seq: i64) -> u64 {
    hash.0 << SEQ_BITS | (seq.unsigned_abs() & SEQ_MASK)
}

/// Returns the index of a hash's list.
fn list_of(hash: DedupHash) -> usize {
    (hash.0 >> (HASH_BITS - LIST_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_found_by_its_hash_until_it_is_removed() {
        let mut index = DedupIndex::new();
        let rows = (1 << 28) - 500..(1 << 28) + 500;
        for seq in rows.clone() {
            let hash = index.hash(seq % 2, &format!("id {seq}"));
            index.insert(hash, seq);
        }
        let found = |index: &DedupIndex, seq: i64| {
            let hash = index.hash(seq % 2, &format!("id {seq}"));
            index.find(hash, rows.end - 1).collect::<Vec<_>>()
        };
        for seq in rows.clone() {
            assert_eq!(found(&index, seq), [seq]);
        }
        assert!(found(&index, 7).is_empty());
        for seq in rows.clone() {
            let hash = index.hash(seq % 2, &format!("id {seq}"));
            index.remove(hash, seq);
            assert!(found(&index, seq).is_empty());
        }
        assert_eq!(index.len(), 0);
    }

    #[test]
    fn two_rows_may_have_the_same_hash() {
        let mut index = DedupIndex::new();
        let hash = index.hash(1, "id");
        index.insert(hash, 3);
        index.insert(hash, 9);
        let mut found: Vec<_> = index.find(hash, 10).collect();
        found.sort_unstable();
        assert_eq!(found, [3, 9]);
    }

    #[test]
    fn the_lists_waste_little_memory() {
        const ROWS: i64 = 1_000_000;
        let mut index = DedupIndex::new();
        let all: Vec<_> = (0..ROWS).map(|seq| index.hash(0, &seq.to_string())).collect();
        for (hash, seq) in all.iter().zip(0..) {
            index.insert(*hash, seq);
        }
        let bytes = |index: &DedupIndex| 8 * index.lists.iter().map(Vec::capacity).sum::<usize>();
        assert!(bytes(&index) < 10_000_000, "{} bytes", bytes(&index));
        for (hash, seq) in all.iter().zip(0..ROWS - 1000) {
            index.remove(*hash, seq);
        }
        assert_eq!(index.len(), 1000);
        assert!(bytes(&index) < 1_000_000, "{} bytes", bytes(&index));
    }
}
