//! Answers that many ask for at once and that are fetched once: kept for their cadence, fetched by one, awaited by all.
//!
//! Never: more entries than its bound; two fetches of the same thing at once; an answer older than its cadence.

use std::{
    collections::HashMap,
    future::Future,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

/// How long an answer that nobody asks for is kept.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// Answers by what was asked.
#[derive(Debug)]
pub(super) struct Flights<K, V> {
    max: usize,
    slots: Mutex<HashMap<K, Slot<V>>>,
}

#[derive(Debug)]
struct Slot<V> {
    used_at: Timestamp,
    last: Arc<tokio::sync::Mutex<Option<Kept<V>>>>,
}

/// An answer, and when it was fetched.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kept<V> {
    pub(super) at: Timestamp,
    pub(super) value: V,
}

impl<K: Eq + Hash + Clone, V: Clone> Flights<K, V> {
    pub(super) fn new(max: usize) -> Self {
        Self { max, slots: Mutex::new(HashMap::new()) }
    }

    /// The answer, if it is not older than `cadence`; else what `fetch` makes of the last one. Whoever comes meanwhile
    /// waits for the same. `None` where so many are being fetched that there is no room for one more.
    pub(super) async fn get<F: Future<Output = V>>(
        &self,
        key: K,
        cadence: SignedDuration,
        now: impl Fn() -> Timestamp,
        fetch: impl FnOnce(Option<V>) -> F,
    ) -> Option<Kept<V>> {
        let slot = self.slot(key, now())?;
        let mut last = slot.lock().await;
        if let Some(kept) = last.as_ref().filter(|kept| now().duration_since(kept.at).abs() < cadence) {
            return Some(kept.clone());
        }
        // If this caller goes before the answer comes, the next one fetches.
        let before = last.as_ref().map(|kept| kept.value.clone());
        let value = fetch(before).await;
        let kept = Kept { at: now(), value };
        *last = Some(kept.clone());
        Some(kept)
    }

    fn slot(&self, key: K, now: Timestamp) -> Option<Arc<tokio::sync::Mutex<Option<Kept<V>>>>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if !slots.contains_key(&key) && slots.len() >= self.max {
            slots.retain(|_, slot| slot.held() || now.duration_since(slot.used_at) < FORGOTTEN_AFTER);
            if slots.len() >= self.max {
                let oldest =
                    slots.iter().filter(|(_, slot)| !slot.held()).min_by_key(|(_, slot)| slot.used_at);
                let oldest = oldest.map(|(key, _)| key.clone())?;
                slots.remove(&oldest);
            }
        }
        let fresh = || Slot { used_at: now, last: Arc::default() };
        let slot = slots.entry(key).or_insert_with(fresh);
        slot.used_at = now;
        Some(Arc::clone(&slot.last))
    }
}

impl<V> Slot<V> {
    /// Somebody fetches it or waits for it.
    fn held(&self) -> bool {
        Arc::strong_count(&self.last) > 1
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::FutureExt as _;

    use super::*;

    const CADENCE: SignedDuration = SignedDuration::from_secs(10);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[tokio::test]
    async fn many_consoles_are_one_call() {
        let (flights, calls) = (Flights::new(8), AtomicU32::new(0));
        let gate = tokio::sync::Semaphore::new(0);
        let ask = || {
            flights.get(
                "burn",
                CADENCE,
                || at(100),
                async |_| {
                    calls.fetch_add(1, Ordering::SeqCst);
                    gate.acquire().await.unwrap().forget();
                    7
                },
            )
        };
        let all = futures_util::future::join_all((0..20).map(|_| ask()));
        let (all, ()) = tokio::join!(all, async { gate.add_permits(1) });
        assert!(all.iter().all(|kept| *kept == Some(Kept { at: at(100), value: 7 })));
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn an_answer_is_fetched_again_after_its_cadence_from_the_last_one() {
        let flights = Flights::new(8);
        let get = async |second| {
            let next = async |before: Option<i32>| before.unwrap_or(0) + 1;
            flights.get("burn", CADENCE, || at(second), next).await.unwrap().value
        };
        assert_eq!((get(100).await, get(109).await, get(110).await, get(5_000).await), (1, 1, 2, 3));
        assert_eq!(get(4_000).await, 4, "a clock that was set back does not keep an answer for ever");
    }

    #[tokio::test]
    async fn a_caller_who_goes_leaves_the_fetching_to_the_next() {
        let flights = Flights::new(8);
        {
            let mut gone = Box::pin(flights.get(
                "burn",
                CADENCE,
                || at(1),
                async |_| std::future::pending::<i32>().await,
            ));
            assert_eq!(gone.as_mut().now_or_never(), None);
        }
        let kept = flights.get("burn", CADENCE, || at(1), async |_| 3).await;
        assert_eq!(kept, Some(Kept { at: at(1), value: 3 }));
    }

    #[tokio::test]
    async fn it_holds_no_more_than_its_bound_and_refuses_where_all_are_in_use() {
        let flights = Flights::new(2);
        let mut held: Vec<_> = ["a", "b"]
            .into_iter()
            .map(|key| {
                Box::pin(flights.get(key, CADENCE, || at(1), async |_| std::future::pending::<i32>().await))
            })
            .collect();
        for one in &mut held {
            assert_eq!(one.as_mut().now_or_never(), None);
        }
        assert_eq!(flights.get("c", CADENCE, || at(2), async |_| 1).await, None);
        drop(held);
        for key in ["c", "d", "e"] {
            assert!(flights.get(key, CADENCE, || at(3), async |_| 1).await.is_some());
            assert!(flights.slots.lock().unwrap().len() <= 2, "{key}");
        }
    }
}
