//! The kinds of deliveries that there is a [`Sample`](super::Sample) of, and what they have in common.

/// A repo with a git history: a model, a dataset or a Space.
pub trait InGitRepo: sealed::Kind {}

/// Something that happened in a discussion or a pull request.
pub trait InDiscussion: InGitRepo {}

mod sealed {
    pub trait Kind {}
}

macro_rules! kinds {
    ($( $(#[$meta:meta])* $kind:ident: $($common:ident)*; )+) => { $(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $kind {}

        impl sealed::Kind for $kind {}

        $( impl $common for $kind {} )*
    )+ };
}

kinds! {
    /// See [`bucket_files`](super::bucket_files).
    BucketFiles: ;
    /// See [`comment_created`](super::comment_created).
    CommentCreated: InGitRepo InDiscussion;
    /// See [`comment_hidden`](super::comment_hidden).
    CommentHidden: InGitRepo InDiscussion;
    /// See [`dataset_commit`](super::dataset_commit).
    DatasetCommit: InGitRepo;
    /// See [`discussion_opened`](super::discussion_opened).
    DiscussionOpened: InGitRepo InDiscussion;
    /// See [`pull_request_merged`](super::pull_request_merged).
    PullRequestMerged: InGitRepo InDiscussion;
    /// See [`repo_made_private`](super::repo_made_private).
    RepoMadePrivate: InGitRepo;
    /// See [`repo_moved`](super::repo_moved).
    RepoMoved: InGitRepo;
    /// See [`tag_deleted`](super::tag_deleted).
    TagDeleted: InGitRepo;
}
