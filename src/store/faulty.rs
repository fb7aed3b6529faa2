//! A store that fails when it is told to: before its nth commit, or after it, so that only the answer is lost.
//!
//! Never: in a program; it is for tests of those who use a store.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::*;

/// When in the commit it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// Nothing was written.
    Before,
    /// All was written, and nobody is told.
    After,
}

pub(crate) struct Faulty {
    inner: Arc<dyn Store>,
    /// Commits since the fault was set.
    commits: AtomicUsize,
    fault: Mutex<Option<(usize, How)>>,
}

impl Faulty {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, commits: AtomicUsize::new(0), fault: Mutex::new(None) }
    }

    /// The nth commit from now on fails, once; `None`: none does.
    pub(crate) fn fail(&self, nth: Option<usize>, how: How) {
        self.commits.store(0, Ordering::SeqCst);
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = nth.map(|nth| (nth, how));
    }
}

impl Store for Faulty {
    fn commit(&self, commit: Commit) -> Pending<'_, Committed> {
        let nth = self.commits.fetch_add(1, Ordering::SeqCst) + 1;
        let fault = *self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        let how = fault.filter(|(at, _)| *at == nth).map(|(_, how)| how);
        let lost = || StoreError::Failed("as it was told".to_owned());
        Box::pin(async move {
            match how {
                None => self.inner.commit(commit).await,
                Some(How::Before) => Err(lost()),
                Some(How::After) => self.inner.commit(commit).await.and_then(|_| Err(lost())),
            }
        })
    }

    fn take_work(&self, kind: WorkKind, now: Timestamp, lease: SignedDuration) -> Pending<'_, Option<Work>> {
        self.inner.take_work(kind, now, lease)
    }

    fn reclaim_work(&self) -> Pending<'_, u64> {
        self.inner.reclaim_work()
    }

    fn turn(&self, place: Place, turn: Turn, now: Timestamp) -> Pending<'_, Result<Waiting, No>> {
        self.inner.turn(place, turn, now)
    }

    fn waiting(&self, place: Place) -> Pending<'_, Option<Waiting>> {
        self.inner.waiting(place)
    }

    fn waiting_since(&self, since: Timestamp, limit: usize) -> Pending<'_, Vec<Waiting>> {
        self.inner.waiting_since(since, limit)
    }

    fn head(&self) -> Pending<'_, Head> {
        self.inner.head()
    }

    fn grown(&self) -> watch::Receiver<u64> {
        self.inner.grown()
    }

    fn row(&self, id: RowId) -> Pending<'_, Option<Row>> {
        self.inner.row(id)
    }

    fn draft(&self, id: RowId, revision: u32) -> Pending<'_, Option<Draft>> {
        self.inner.draft(id, revision)
    }

    fn drafts(&self, of: Vec<(RowId, u32)>) -> Pending<'_, HashMap<RowId, Draft>> {
        self.inner.drafts(of)
    }

    fn open_row(&self, kind: Kind, subject: &str, now: Timestamp) -> Pending<'_, Option<Row>> {
        self.inner.open_row(kind, subject, now)
    }

    fn rows(&self, query: RowQuery) -> Pending<'_, Page> {
        self.inner.rows(query)
    }

    fn search(&self, search: Search) -> Pending<'_, Found> {
        self.inner.search(search)
    }

    fn whole(&self, id: RowId, revision: Option<u32>) -> Pending<'_, Option<Whole>> {
        self.inner.whole(id, revision)
    }

    fn open_rows(&self, now: Timestamp) -> Pending<'_, Vec<Row>> {
        self.inner.open_rows(now)
    }

    fn snapshot(&self, which: Changed) -> Pending<'_, Snapshot> {
        self.inner.snapshot(which)
    }

    fn leaves(&self, which: Leaves) -> Pending<'_, Vec<Leaf>> {
        self.inner.leaves(which)
    }

    fn answer(&self, id: DecisionId) -> Pending<'_, Option<KeptAnswer>> {
        self.inner.answer(id)
    }

    fn repeated(&self, principal: PrincipalId, key: String) -> Pending<'_, Option<Repeatable>> {
        self.inner.repeated(principal, key)
    }

    fn holds(&self) -> Pending<'_, Vec<Hold>> {
        self.inner.holds()
    }

    fn blob(&self, digest: Digest) -> Pending<'_, Option<Vec<u8>>> {
        self.inner.blob(digest)
    }

    fn session(&self, token: Digest) -> Pending<'_, Option<Session>> {
        self.inner.session(token)
    }

    fn nodes(&self, level: u8, from: u64, count: u64) -> Pending<'_, Vec<Hash>> {
        self.inner.nodes(level, from, count)
    }

    fn root(&self, size: u64) -> Pending<'_, Hash> {
        self.inner.root(size)
    }

    fn inclusion(&self, index: u64, size: u64) -> Pending<'_, Vec<Hash>> {
        self.inner.inclusion(index, size)
    }

    fn consistency(&self, old: u64, new: u64) -> Pending<'_, Vec<Hash>> {
        self.inner.consistency(old, new)
    }

    fn cosignatures(&self, size: u64) -> Pending<'_, Vec<String>> {
        self.inner.cosignatures(size)
    }
}
