//! What wants the reader now, for whoever decides whether to call.
//!
//! Never: calls by itself, nor twice for one thing; [`super::super::page`] keeps count.

use std::collections::BTreeSet;

use super::super::effect::Effect;
use super::super::model::Model;
use super::super::page::{Reader, Want, Why};
use super::super::queue::Group;
use super::lists;
use crate::client::Listed;
use crate::client::filter::Filter;

/// Looked over at least this often: rows come to half and to nine tenths of their lives by themselves.
const LOOK_EVERY_MS: u64 = 60_000;

pub(super) fn look(model: &mut Model) -> Option<Effect> {
    let wants = wants(model);
    let now = model.now();
    let local = now.to_zoned(model.zone.clone()).time();
    let reader = Reader { watches: model.focused == Some(true), quiet: model.page.is_quiet(local) };
    let excepted = excepted(model, &wants);
    let mut pager = std::mem::take(&mut model.pager);
    let call = pager.look(&wants, |want| excepted.contains(want), reader, now);
    let again = pager.next().map_or(LOOK_EVERY_MS, |at| {
        u64::try_from(at.duration_since(now).as_millis()).unwrap_or(0).clamp(1, LOOK_EVERY_MS)
    });
    model.pager = pager;
    model.page_due_ms = model.at.ms + again;
    call.map(Effect::Page)
}

/// What the console opens on is seen by whoever opened it.
pub(super) fn begin(model: &mut Model) {
    let wants = wants(model);
    model.pager.begin(&wants);
}

fn wants(model: &Model) -> BTreeSet<Want> {
    let mut wants: BTreeSet<Want> = model.known.rows.values().flat_map(|row| of_row(model, row)).collect();
    if model.link.broken.is_some() {
        wants.insert(Want { why: Why::Broken, row: None, revision: 0 });
    }
    wants
}

fn of_row(model: &Model, row: &Listed) -> Vec<Want> {
    let want = |why| Want { why, row: Some(row.id), revision: row.revision };
    let asked = model.known.asked(row);
    match model.known.group(row) {
        Group::CameBack => vec![want(Why::Refused)],
        Group::SecondKey if asked => vec![want(Why::SecondKey)],
        Group::ForYou if asked => {
            let life = row.expires_at.duration_since(row.created_at).as_secs().max(1);
            let left = row.expires_at.duration_since(model.now()).as_secs();
            let mut wants = vec![want(Why::Asked)];
            wants.extend((left * 2 <= life).then(|| want(Why::HalfLife)));
            wants.extend((left * 10 <= life).then(|| want(Why::NearEnd)));
            wants
        }
        _ => Vec::new(),
    }
}

/// Those that call in quiet hours too.
fn excepted(model: &Model, wants: &BTreeSet<Want>) -> BTreeSet<Want> {
    let Some(filter) = &model.page.except else { return BTreeSet::new() };
    let mut matcher = Filter::matcher();
    let mut passes = |want: &&Want| {
        let row = want.row.and_then(|row| model.head(row));
        row.is_some_and(|row| filter.matches(&mut matcher, row, &lists::standing(model, row), model.now()))
    };
    wants.iter().filter(|want| passes(want)).copied().collect()
}
