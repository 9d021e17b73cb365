//! The kinds of sample deliveries, for naming the type of a [`Sample`](super::Sample):
//!
//! ```
//! use webhooks_runtime::testing::{Sample, comment_created, kind};
//!
//! /// A comment that the bot is to act on.
//! fn command(text: &str) -> Sample<kind::CommentCreated> {
//!     comment_created().repo("me/model").text(format!("/bot {text}"))
//! }
//! # command("retrain");
//! ```

/// A repo with a git history: a model, a dataset or a Space.
///
/// ```
/// use webhooks_runtime::testing::{Sample, dataset_commit, kind, repo_moved};
///
/// /// Whatever happened, in a Space.
/// fn of_a_space<K: kind::InGitRepo>(sample: Sample<K>) -> Sample<K> {
///     sample.repo_type("space").repo("me/demo")
/// }
///
/// of_a_space(dataset_commit());
/// of_a_space(repo_moved());
/// ```
pub trait InGitRepo: sealed::Kind {}

/// Something that happened in a discussion or a pull request.
///
/// ```
/// use webhooks_runtime::testing::{Sample, comment_created, discussion_opened, kind};
///
/// /// Whatever happened, written by the bot itself.
/// fn by_the_bot<K: kind::InDiscussion>(sample: Sample<K>) -> Sample<K> {
///     sample.author("65d0000000000000000000b0")
/// }
///
/// by_the_bot(discussion_opened());
/// by_the_bot(comment_created());
/// ```
pub trait InDiscussion: InGitRepo {}

mod sealed {
    pub trait Kind {}
}

macro_rules! kinds {
    ($( $kind:ident = $function:ident: $($common:ident)*; )+) => { $(
        #[doc = concat!("The kind of a [`", stringify!($function), "`](super::", stringify!($function), ").")]
        ///
        /// ```
        #[doc = concat!("use webhooks_runtime::testing::{Sample, ", stringify!($function), ", kind};")]
        ///
        #[doc = concat!(
            "let sample: Sample<kind::", stringify!($kind), "> = ", stringify!($function), "();"
        )]
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $kind {}

        impl sealed::Kind for $kind {}

        $( impl $common for $kind {} )*
    )+ };
}

kinds! {
    BucketFiles = bucket_files: ;
    CommentCreated = comment_created: InGitRepo InDiscussion;
    CommentHidden = comment_hidden: InGitRepo InDiscussion;
    DatasetCommit = dataset_commit: InGitRepo;
    DiscussionOpened = discussion_opened: InGitRepo InDiscussion;
    PullRequestMerged = pull_request_merged: InGitRepo InDiscussion;
    RepoMadePrivate = repo_made_private: InGitRepo;
    RepoMoved = repo_moved: InGitRepo;
    TagDeleted = tag_deleted: InGitRepo;
}
