//! Tests of reading a file while servers start and end.

use super::{FileFixture, open};
use crate::jobs::conformance::new;
use crate::jobs::inspect::CancelTarget;
use crate::jobs::sqlite::SqliteStore;
use crate::jobs::state::State;
use crate::jobs::store::{Access, Store};

#[tokio::test]
async fn a_reader_notices_a_server_that_starts_after_it() {
    let fixture = FileFixture::new();
    let store = open(&fixture);
    let delivery = new(0, None, "{}");
    let id = delivery.id;
    store.accept(vec![delivery]).await.unwrap();
    store.close().await;

    let reader = SqliteStore::open(&fixture.file(), Vec::new(), 1, Access::Read).unwrap();
    assert_eq!(reader.summary_of(id).await.unwrap().map(|it| it.state), Some(State::Queued));
    let files = || std::fs::read_dir(fixture.folder.path()).unwrap().count();
    assert_eq!(files(), 2, "the file and its lock");
    let store = open(&fixture);
    store.cancel(&CancelTarget::One(id)).await.unwrap();
    assert_eq!(reader.summary_of(id).await.unwrap().map(|it| it.state), Some(State::Cancelled));
    store.close().await;
    assert_eq!(reader.summary_of(id).await.unwrap().map(|it| it.state), Some(State::Cancelled));
    reader.close().await;
}

#[tokio::test]
async fn a_reader_notices_what_a_server_has_done_between_its_queries() {
    let fixture = FileFixture::new();
    let store = open(&fixture);
    let delivery = new(0, None, "{}");
    let id = delivery.id;
    store.accept(vec![delivery]).await.unwrap();
    store.close().await;

    let reader = SqliteStore::open(&fixture.file(), Vec::new(), 1, Access::Read).unwrap();
    assert_eq!(reader.summary_of(id).await.unwrap().map(|it| it.state), Some(State::Queued));
    let store = open(&fixture);
    store.cancel(&CancelTarget::One(id)).await.unwrap();
    store.close().await;
    assert_eq!(reader.summary_of(id).await.unwrap().map(|it| it.state), Some(State::Cancelled));
    reader.close().await;
}
