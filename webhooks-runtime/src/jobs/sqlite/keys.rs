//! Which deliveries came with which `Webhook-Id`, in memory.
//!
//! An index in the file would be written at a random place for each delivery, which costs more than all
//! the rest of keeping it. One process has the file, so it can know this by itself. An entry is eight
//! bytes, part of a hash and part of a row's number, and says where to look: the row decides.
//!
//! One hash table of a million of them would have place for two, since tables double. So there are many
//! short lists, each searched from end to end, which grow one by one and by little.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

/// How many bits of an entry are of the row's number. Rows that are further apart than that are taken
/// for one another, and the row then says that it isn't meant.
const SEQ_BITS: u32 = 28;
const SEQ_MASK: u64 = (1 << SEQ_BITS) - 1;

/// How many bits of a hash are kept, and how many of them choose the list.
const KEY_BITS: u32 = u64::BITS - SEQ_BITS;
const LIST_BITS: u32 = 14;

/// The part of a hash that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key(u64);

/// The keys of all deliveries that one may be a retry of.
pub(super) struct Keys {
    lists: Box<[Vec<u64>]>,
    hasher: RandomState,
}

impl Keys {
    pub(super) fn new() -> Self {
        Self { lists: vec![Vec::new(); 1 << LIST_BITS].into(), hasher: RandomState::default() }
    }

    /// The key of a delivery of an endpoint.
    pub(super) fn key(&self, endpoint: i64, webhook_id: &str) -> Key {
        Key(self.hasher.hash_one((endpoint, webhook_id)) >> SEQ_BITS)
    }

    /// Rows that may have this key, of the rows up to `newest`.
    pub(super) fn find(&self, key: Key, newest: i64) -> impl Iterator<Item = i64> {
        let newest_part = newest.unsigned_abs() & SEQ_MASK;
        let list = &self.lists[place(key)];
        list.iter().filter(move |entry| *entry >> SEQ_BITS == key.0).map(move |entry| {
            let behind = newest_part.wrapping_sub(entry & SEQ_MASK) & SEQ_MASK;
            newest.saturating_sub_unsigned(behind)
        })
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lists.iter().map(Vec::len).sum()
    }

    pub(super) fn insert(&mut self, key: Key, seq: i64) {
        let list = &mut self.lists[place(key)];
        if list.len() == list.capacity() {
            list.reserve_exact(room_beside(list.len()));
        }
        list.push(pack(key, seq));
    }

    pub(super) fn remove(&mut self, key: Key, seq: i64) {
        let list = &mut self.lists[place(key)];
        let packed = pack(key, seq);
        if let Some(at) = list.iter().position(|entry| *entry == packed) {
            list.swap_remove(at);
        }
        // A store that was once full shall not stay as large for ever.
        if list.len() < list.capacity() / 2 {
            list.shrink_to(list.len() + room_beside(list.len()));
        }
    }
}

/// How many more entries a list of so many has place for when it grows or shrinks.
fn room_beside(len: usize) -> usize {
    (len / 4).max(4)
}

fn pack(key: Key, seq: i64) -> u64 {
    key.0 << SEQ_BITS | (seq.unsigned_abs() & SEQ_MASK)
}

/// The list that a key is in.
fn place(key: Key) -> usize {
    (key.0 >> (KEY_BITS - LIST_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_found_by_its_key_until_it_is_removed() {
        let mut keys = Keys::new();
        let rows = (1 << 28) - 500..(1 << 28) + 500;
        for seq in rows.clone() {
            let key = keys.key(seq % 2, &format!("id {seq}"));
            keys.insert(key, seq);
        }
        let found = |keys: &Keys, seq: i64| {
            let key = keys.key(seq % 2, &format!("id {seq}"));
            keys.find(key, rows.end - 1).collect::<Vec<_>>()
        };
        for seq in rows.clone() {
            assert_eq!(found(&keys, seq), [seq]);
        }
        assert!(found(&keys, 7).is_empty());
        for seq in rows.clone() {
            let key = keys.key(seq % 2, &format!("id {seq}"));
            keys.remove(key, seq);
            assert!(found(&keys, seq).is_empty());
        }
        assert_eq!(keys.len(), 0);
    }

    #[test]
    fn two_rows_may_have_one_key() {
        let mut keys = Keys::new();
        let key = keys.key(1, "id");
        keys.insert(key, 3);
        keys.insert(key, 9);
        let mut found: Vec<_> = keys.find(key, 10).collect();
        found.sort_unstable();
        assert_eq!(found, [3, 9]);
    }

    #[test]
    fn the_lists_have_little_more_place_than_they_need() {
        const ROWS: i64 = 1_000_000;
        let mut keys = Keys::new();
        let all: Vec<_> = (0..ROWS).map(|seq| keys.key(0, &seq.to_string())).collect();
        for (key, seq) in all.iter().zip(0..) {
            keys.insert(*key, seq);
        }
        let bytes = |keys: &Keys| 8 * keys.lists.iter().map(Vec::capacity).sum::<usize>();
        assert!(bytes(&keys) < 10_000_000, "{} bytes", bytes(&keys));
        for (key, seq) in all.iter().zip(0..ROWS - 1000) {
            keys.remove(*key, seq);
        }
        assert_eq!(keys.len(), 1000);
        assert!(bytes(&keys) < 1_000_000, "{} bytes", bytes(&keys));
    }
}
