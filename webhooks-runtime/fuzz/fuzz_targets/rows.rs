//! Deliveries come back from the store as they were stored. Any other row of a table is an error, or a delivery that is
//! shown without control characters.

#![no_main]

use std::cell::RefCell;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use webhooks_runtime::fuzzing::{FuzzedCell, FuzzedDelivery, FuzzedStore};

#[derive(Arbitrary, Debug)]
enum Cell {
    Null,
    Integer(i64),
    /// A number near a valid one.
    Small(i8),
    Real(f64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

/// A text with characters that could mislead a terminal or a reader. Random bytes are seldom one.
const MISLEADING: &str = "me/\0\u{7}\u{1b}\u{7f}\u{85}\u{9b}\u{200e}\u{202e}\u{2066}data";

impl From<Cell> for FuzzedCell {
    fn from(cell: Cell) -> Self {
        match cell {
            Cell::Null => Self::Null,
            Cell::Integer(number) => Self::Integer(number),
            Cell::Small(number) => Self::Integer(number.into()),
            Cell::Real(number) => Self::Real(number),
            Cell::Text(bytes) => Self::Text(bytes),
            Cell::Blob(bytes) => Self::Blob(bytes),
        }
    }
}

#[derive(Arbitrary, Clone, Debug)]
struct Delivery {
    webhook_id: Option<String>,
    event: Option<String>,
    repo: Option<String>,
    /// One of two keys, or none.
    key: Option<bool>,
    trace: Option<String>,
    enqueued: bool,
    /// Bytes, or an update with these refs.
    body: Result<Vec<u8>, Vec<(u8, u8, u8)>>,
}

impl Delivery {
    /// A delivery with a text in most columns. It is in each input, so that damaged texts are shown.
    fn usual() -> Self {
        let [webhook_id, event, repo] = ["w1", "update repo.content", "me/data"].map(str::to_owned);
        Self {
            webhook_id: Some(webhook_id),
            event: Some(event),
            repo: Some(repo),
            key: None,
            trace: None,
            enqueued: false,
            body: Ok(b"{}".to_vec()),
        }
    }

    fn fuzzed(self) -> FuzzedDelivery {
        let body = self.body.unwrap_or_else(|refs| {
            let sha = |sha: u8| if sha == 0 { "null".to_owned() } else { format!("\"{sha:02x}\"") };
            let refs = refs.into_iter().map(|(name, old, new)| {
                format!(
                    r#"{{"ref":"refs/heads/{name}","oldSha":{},"newSha":{}}}"#,
                    sha(old),
                    sha(new)
                )
            });
            let refs: Vec<_> = refs.collect();
            format!(r#"{{"updatedRefs":[{}]}}"#, refs.join(",")).into_bytes()
        });
        let key = self.key.map(|key| if key { "a" } else { "b" }.to_owned());
        let Self { webhook_id, event, repo, trace, enqueued, .. } =
            Self { body: Ok(Vec::new()), ..self };
        FuzzedDelivery { webhook_id, event, repo, key, trace, enqueued, body }
    }
}

/// Whether a terminal or a reader could be misled by a character.
fn misleads(character: char) -> bool {
    let is_bidirectional = matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    is_bidirectional || (character.is_control() && !matches!(character, '\n' | '\t'))
}

/// Stores deliveries, and compares them with what is shown of them and with what is claimed.
fn store_and_compare(store: &FuzzedStore, deliveries: &[FuzzedDelivery]) {
    for delivery in deliveries {
        assert!(store.accept(delivery).unwrap());
    }
    let untraced = |delivery: &FuzzedDelivery| FuzzedDelivery { trace: None, ..delivery.clone() };
    assert_eq!(store.shown().unwrap(), deliveries.iter().map(untraced).collect::<Vec<_>>());

    let claimed = store.claim().unwrap();
    // Each without a key, and the newest one of each key, which carries the others.
    let of_key = |key: &str| {
        let of_key = deliveries.iter().filter(|delivery| delivery.key.as_deref() == Some(key));
        of_key.collect::<Vec<_>>()
    };
    let alone = deliveries.iter().filter(|delivery| delivery.key.is_none());
    let mut groups: Vec<_> = alone.map(|delivery| vec![delivery]).collect();
    groups.extend(["a", "b"].map(of_key).into_iter().filter(|group| !group.is_empty()));
    assert_eq!(claimed.len(), groups.len(), "{claimed:?}");
    for group in groups {
        let (newest, older) = group.split_last().unwrap();
        let traces: Vec<_> = older.iter().filter_map(|delivery| delivery.trace.clone()).collect();
        let is_it = claimed.iter().any(|claimed| {
            claimed.webhook_id == newest.webhook_id
                && claimed.trace == newest.trace
                && claimed.merged_traces == traces
                && claimed.enqueued == group.iter().any(|delivery| delivery.enqueued)
                && (claimed.body == newest.body || !older.is_empty())
        });
        assert!(is_it, "{newest:?} in {claimed:?}");
    }
}

thread_local! {
    /// The store of the last input, with its folder.
    static STORE: RefCell<Option<(TempDir, FuzzedStore)>> = const { RefCell::new(None) };
}

fuzz_target!(|input: (u8, Vec<u8>, Vec<(u8, Cell)>, Vec<Delivery>)| {
    let (reopens, misleading, cells, deliveries) = input;
    let (folder, mut store) = STORE.take().unwrap_or_else(|| {
        let folder = tempfile::tempdir().unwrap();
        let store = FuzzedStore::open(&folder.path().join("webhooks.db")).unwrap();
        (folder, store)
    });
    let deliveries = deliveries.into_iter().take(4).chain([Delivery::usual()]);
    let mut deliveries: Vec<_> = deliveries.map(Delivery::fuzzed).collect();
    // Not duplicates of each other.
    for (number, delivery) in deliveries.iter_mut().enumerate() {
        delivery.webhook_id = delivery.webhook_id.take().map(|id| format!("{number} {id}"));
    }
    store_and_compare(&store, &deliveries);
    store.fill().unwrap();
    let misleading =
        misleading.into_iter().map(|column| (column, FuzzedCell::Text(MISLEADING.into())));
    let cells = cells.into_iter().map(|(column, cell)| (column, cell.into()));
    for (column, cell) in misleading.chain(cells) {
        // Some tables do not allow it.
        let _ = store.damage(column.into(), cell);
    }
    // That takes far longer than all else.
    let reopens = reopens % 32 == 31;
    if reopens {
        // A damaged store may not open.
        let Ok(opened) = store.reopen() else { return };
        store = opened;
    }
    for text in store.use_all() {
        assert!(!text.contains(misleads), "{text:?}");
    }
    if reopens {
        // What it read of a damaged file, it remembers.
        store.close();
    } else {
        STORE.set(store.reset().map(|store| (folder, store)));
    }
});
