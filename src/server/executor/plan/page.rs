//! What to do next about a page that is published, from what its platform shows.
//!
//! Confluence takes a version only on the one before it and keeps our tag with it: a write that landed is found, one that
//! did not can be repeated. Notion has neither, and an edit there is several calls: the page tells how many were made
//! ([`crate::row::page::notion::steps`]). What is left is sent only while all else on it is as it was reviewed.
//! Never: a number raised so that a write goes through; a half written page taken for one that is done; a call on a page
//! that somebody else changed meanwhile.

use jiff::{SignedDuration, Timestamp};

use super::{Next, Part, Published, Written, waited};
use crate::row::{Digest, Moved, base::PageBase, page::notion::steps::Progress};

/// How many times the lease an accepted version may be missing.
const SHOWN_WITHIN: i32 = 4;

/// Said of a version that came out otherwise than it was approved.
pub(in crate::server::executor) const DIFFERS: &str =
    "what the platform stored differs from what was approved";

/// The next body of a page; `was` is none where a page is made.
pub(super) fn publish(
    was: Option<&PageBase>,
    body: Digest,
    shown: &Published,
    written: &Written,
    repeat_after: SignedDuration,
    now: Timestamp,
) -> Next {
    if let Some(ours) = &shown.ours {
        let version = format!("version {} of {}", ours.number, shown.url);
        let said = if ours.written == body { "as approved" } else { DIFFERS };
        return Next::Confirm { detail: format!("{version}, {said}") };
    }
    if let Some(part) = shown.part {
        return unfinished(part, shown, written, repeat_after, now);
    }
    let moved = moved(was, shown);
    if was.is_some() && shown.now.is_none() {
        return gone(moved, &shown.url, written, repeat_after, now);
    }
    if let Some(edit) = &shown.edit {
        return edited(edit, moved, shown, written, repeat_after, now);
    }
    // A page without versions: what stands on it is all that tells.
    let versions = was.is_none_or(|was| was.version > 0);
    if !versions && shown.written == Some(body) && !matches!(written, Written::No) {
        return Next::Confirm { detail: format!("{}, as approved", shown.url) };
    }
    match written {
        Written::No if shown.closed.is_some() => Next::Moved { moved },
        Written::No => Next::Write,
        Written::Refused { .. } if !moved.is_empty() && versions => Next::Moved { moved },
        Written::Refused { why } if moved.is_empty() => Next::Fail { detail: why.clone() },
        Written::Refused { why } => Next::Fail { detail: format!("{why}; a part of it stands on the page") },
        Written::Perhaps { .. } | Written::Yes { .. } if !moved.is_empty() && !versions => Next::CannotTell {
            detail: format!("the page is neither as it was nor as it was to be; look at {}", shown.url),
        },
        // Somebody else's version came first: ours is refused, whenever it arrives.
        Written::Perhaps { since } if waited(*since, repeat_after, now) => Next::Write,
        Written::Perhaps { .. } => Next::Wait,
        Written::Yes { since } if waited(*since, repeat_after * SHOWN_WITHIN, now) => Next::CannotTell {
            detail: format!("it was accepted, and no version of ours is shown; look at {}", shown.url),
        },
        Written::Yes { .. } => Next::Wait,
    }
}

/// A new page that was cut off between its requests is finished: nobody else has been at it.
fn unfinished(
    part: Part,
    shown: &Published,
    written: &Written,
    repeat_after: SignedDuration,
    now: Timestamp,
) -> Next {
    let url = &shown.url;
    let over = |why: &str| Next::Fail {
        detail: format!("{why}: {part}; look at {url}, and take it away or finish it"),
    };
    match (written, &shown.closed) {
        (Written::Refused { why }, _) => over(why),
        (Written::Perhaps { since }, _) if !waited(*since, repeat_after, now) => Next::Wait,
        (Written::No | Written::Perhaps { .. }, Some(closed)) => {
            over(&format!("the page is {closed} by now"))
        }
        (Written::No | Written::Perhaps { .. }, None) => Next::Write,
        // All of it was taken: what is missing was taken away again.
        (Written::Yes { since }, _) if waited(*since, repeat_after * SHOWN_WITHIN, now) => {
            Next::Confirm { detail: format!("{url}: {part}, and all were accepted; {DIFFERS}") }
        }
        (Written::Yes { .. }, _) => Next::Wait,
    }
}

/// The page is not there any more, or not for us.
fn gone(
    moved: Vec<Moved>,
    page: &str,
    written: &Written,
    repeat_after: SignedDuration,
    now: Timestamp,
) -> Next {
    match written {
        Written::No | Written::Refused { .. } => Next::Moved { moved },
        Written::Perhaps { since } | Written::Yes { since } if !waited(*since, repeat_after, now) => {
            Next::Wait
        }
        Written::Perhaps { .. } | Written::Yes { .. } => Next::CannotTell {
            detail: format!(
                "the page {page} is gone, or no longer open to Dock: whether it was written cannot be seen"
            ),
        },
    }
}

/// The next call of an edit in Notion, or how the edit ends.
fn edited(
    edit: &Progress,
    moved: Vec<Moved>,
    shown: &Published,
    written: &Written,
    repeat_after: SignedDuration,
    now: Timestamp,
) -> Next {
    let url = &shown.url;
    if !edit.reviewed {
        return disturbed(edit, moved, url, written, repeat_after, now);
    }
    if edit.all() {
        return Next::Confirm { detail: format!("{url}, as approved") };
    }
    match (written, &shown.closed) {
        (Written::No | Written::Refused { .. }, Some(_)) if edit.none() => return Next::Moved { moved },
        (Written::No | Written::Refused { .. }, Some(closed)) => {
            let detail = format!("the page is {closed} by now: {}; look at {url}", edit.words());
            return Next::Fail { detail };
        }
        _ => {}
    }
    match written {
        Written::No => Next::Write,
        Written::Refused { why } if edit.none() => Next::Fail { detail: why.clone() },
        Written::Refused { why } => Next::Fail {
            detail: format!(
                "{why}; {}, and all else is as it was reviewed: look at {url}, and ask for a draft of what is missing",
                edit.words()
            ),
        },
        Written::Perhaps { since } if waited(*since, repeat_after, now) => Next::Write,
        Written::Yes { since } if waited(*since, repeat_after * SHOWN_WITHIN, now) => Next::CannotTell {
            detail: format!(
                "it was accepted, and the page does not show it: {}; look at {url}",
                edit.words()
            ),
        },
        Written::Perhaps { .. } | Written::Yes { .. } => Next::Wait,
    }
}

/// Somebody else changed the page, so that nothing more is sent: theirs is kept, and what is ours is named.
fn disturbed(
    edit: &Progress,
    moved: Vec<Moved>,
    url: &str,
    written: &Written,
    repeat_after: SignedDuration,
    now: Timestamp,
) -> Next {
    match written {
        // It may still arrive, and what was accepted may still be to be shown.
        Written::Perhaps { since } | Written::Yes { since }
            if !edit.all() && !waited(*since, repeat_after, now) =>
        {
            return Next::Wait;
        }
        _ => {}
    }
    let why = match written {
        Written::Refused { why } => format!("{why}; "),
        Written::No | Written::Perhaps { .. } | Written::Yes { .. } => String::new(),
    };
    let theirs = "somebody else changed the page while it was written, and theirs is kept";
    if edit.all() {
        return Next::Confirm {
            detail: format!("{url}: all that was approved is on it; {DIFFERS}: {theirs}"),
        };
    }
    if edit.none() && !matches!(written, Written::Yes { .. }) {
        return Next::Moved { moved };
    }
    let told = format!("{why}{theirs}: {}", edit.words());
    if edit.unclear() || matches!(written, Written::Yes { .. }) {
        return Next::CannotTell { detail: format!("{told}; look at {url}, and say what became of it") };
    }
    Next::Fail { detail: format!("{told}; look at {url}, and ask for a draft of what is missing") }
}

/// The comment that names the decision. The page is written: that it could not be commented changes nothing of that.
///
/// `ours` says where it does: `version 2 names the decision`.
pub(super) fn comment(
    ours: Option<&str>,
    written: &Written,
    repeat_after: SignedDuration,
    now: Timestamp,
) -> Next {
    if let Some(ours) = ours {
        return Next::Confirm { detail: ours.to_owned() };
    }
    match written {
        Written::No => Next::Write,
        Written::Refused { why } => {
            Next::Confirm { detail: format!("the page does not name the decision: {why}") }
        }
        Written::Perhaps { since } if waited(*since, repeat_after, now) => Next::Write,
        Written::Yes { since } if waited(*since, repeat_after * SHOWN_WITHIN, now) => Next::Confirm {
            detail: "that the page names the decision was accepted, and is not shown".to_owned(),
        },
        Written::Perhaps { .. } | Written::Yes { .. } => Next::Wait,
    }
}

fn moved(was: Option<&PageBase>, shown: &Published) -> Vec<Moved> {
    let closed = shown.closed.iter().filter(|_| was.is_some());
    let closed =
        closed.map(|closed| Moved { what: "page".to_owned(), was: "open".to_owned(), is: closed.clone() });
    match (was, shown.now.as_ref()) {
        (Some(was), Some(is)) => was.moved(is).into_iter().chain(closed).collect(),
        (None, None) => Vec::new(),
        (was, _) => {
            let word = |there: bool| if there { "there" } else { "absent" }.to_owned();
            vec![Moved { what: "page".to_owned(), was: word(was.is_some()), is: word(was.is_none()) }]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Ours;
    use super::{super::word, *};
    use crate::row::page::notion::steps::Trace;

    fn at(seconds: i64) -> Timestamp {
        "2026-05-29T04:12:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
    }

    fn base(version: u64, body: &str) -> PageBase {
        PageBase {
            name: "CONF-4711".to_owned(),
            page: "4711".to_owned(),
            version,
            author: "priya".to_owned(),
            created_at: "2026-05-29T04:00:00Z".to_owned(),
            body: Digest::of(body),
            space: String::new(),
        }
    }

    /// Nothing sent, refused, perhaps sent, accepted.
    fn written() -> [Written; 4] {
        let since = at(0);
        let refused = Written::Refused { why: "Confluence refused".to_owned() };
        [Written::No, refused, Written::Perhaps { since }, Written::Yes { since }]
    }

    fn shown(ours: Option<(u64, &str)>, now: Option<PageBase>, body: &str) -> Published {
        let ours = ours.map(|(number, body)| Ours { number, written: Digest::of(body) });
        let url = "https://wiki/4711".to_owned();
        Published {
            ours,
            now,
            written: Some(Digest::of(body)),
            url,
            closed: None,
            edit: None,
            page: None,
            part: None,
        }
    }

    fn check(was: Option<&PageBase>, name: &str, shown: &Published, seconds: i64, expected: [&str; 4]) {
        for (written, expected) in written().iter().zip(expected) {
            let lease = SignedDuration::from_secs(15);
            let next = publish(was, Digest::of("new"), shown, written, lease, at(seconds));
            assert_eq!(word(&next), expected, "{name}, {written:?}");
        }
    }

    #[test]
    fn what_follows_from_what_confluence_shows() {
        let was = base(12, "old");
        let same = Some(was.clone());
        let theirs = Some(base(13, "theirs"));
        let confirm = ["confirm"; 4];
        let was = Some(&was);
        check(was, "ours", &shown(Some((13, "new")), Some(base(13, "new")), "new"), 1, confirm);
        check(was, "ours, then theirs", &shown(Some((13, "new")), Some(base(14, "x")), "x"), 1, confirm);
        check(
            was,
            "as it was, early",
            &shown(None, same.clone(), "old"),
            14,
            ["write", "fail", "wait", "wait"],
        );
        check(
            was,
            "as it was, late",
            &shown(None, same.clone(), "old"),
            15,
            ["write", "fail", "write", "wait"],
        );
        check(
            was,
            "as it was, long",
            &shown(None, same, "old"),
            60,
            ["write", "fail", "write", "cannot tell"],
        );
        check(was, "theirs first", &shown(None, theirs, "theirs"), 15, ["write", "moved", "write", "wait"]);
        let differs = publish(
            was,
            Digest::of("new"),
            &shown(Some((13, "mangled")), None, "mangled"),
            &Written::No,
            SignedDuration::from_secs(15),
            at(1),
        );
        assert!(matches!(differs, Next::Confirm { detail } if detail.contains(DIFFERS)));
    }

    #[test]
    fn what_follows_from_what_notion_shows() {
        let was = base(0, "old");
        let same = Some(was.clone());
        let was = Some(&was);
        check(
            was,
            "as approved",
            &shown(None, Some(base(0, "new")), "new"),
            1,
            ["write", "confirm", "confirm", "confirm"],
        );
        check(was, "as it was, late", &shown(None, same, "old"), 15, ["write", "fail", "write", "wait"]);
        let half = Some(base(0, "half"));
        check(was, "half", &shown(None, half, "half"), 15, ["write", "fail", "cannot tell", "cannot tell"]);
    }

    /// `.`: made, `-`: not made, `?`: cannot be told.
    fn edit(reviewed: bool, traces: &str) -> Published {
        let of = |sign| match sign {
            '.' => Trace::There,
            '-' => Trace::Missing,
            _ => Trace::Unclear,
        };
        let edit = Some(Progress::of(reviewed, traces.chars().map(of).collect()));
        Published { edit, ..shown(None, Some(base(0, "part")), "part") }
    }

    #[test]
    fn what_follows_from_how_far_an_edit_came() {
        let was = base(0, "old");
        let was = Some(&was);
        for (reviewed, traces, seconds, expected) in [
            (true, "---", 14, ["write", "fail", "wait", "wait"]),
            (true, "---", 15, ["write", "fail", "write", "wait"]),
            (true, ".--", 15, ["write", "fail", "write", "wait"]),
            (true, ".--", 60, ["write", "fail", "write", "cannot tell"]),
            (true, "...", 1, ["confirm"; 4]),
            // Somebody else was there: nothing more is sent.
            (false, "---", 14, ["moved", "moved", "wait", "wait"]),
            (false, "---", 15, ["moved", "moved", "moved", "cannot tell"]),
            (false, ".--", 14, ["fail", "fail", "wait", "wait"]),
            (false, ".--", 15, ["fail", "fail", "fail", "cannot tell"]),
            (false, ".?-", 15, ["cannot tell"; 4]),
            (false, "...", 1, ["confirm"; 4]),
        ] {
            check(was, &format!("{reviewed} {traces}"), &edit(reviewed, traces), seconds, expected);
        }
        let lease = SignedDuration::from_secs(15);
        let next = publish(was, Digest::of("new"), &edit(false, "..-"), &Written::No, lease, at(1));
        let Next::Fail { detail } = next else { panic!("{next:?}") };
        assert!(detail.contains("operations 1 and 2 are on the page, operation 3 is not"), "{detail}");
        let next = publish(was, Digest::of("new"), &edit(false, "..."), &Written::No, lease, at(1));
        assert!(matches!(next, Next::Confirm { detail } if detail.contains(DIFFERS)));
    }

    #[test]
    fn nothing_is_sent_to_a_page_that_closed() {
        let (was, closed) = (base(12, "old"), Some("locked".to_owned()));
        let shut = Published { closed: closed.clone(), ..shown(None, Some(base(12, "old")), "old") };
        check(Some(&was), "closed", &shut, 1, ["moved", "moved", "wait", "wait"]);
        let was = base(0, "old");
        let none = Published { closed: closed.clone(), ..edit(true, "--") };
        check(Some(&was), "before an edit", &none, 1, ["moved", "moved", "wait", "wait"]);
        let part = Published { closed, ..edit(true, ".-") };
        check(Some(&was), "within an edit", &part, 1, ["fail", "fail", "wait", "wait"]);
    }

    #[test]
    fn a_page_that_is_gone_is_not_asked_for_ever() {
        let (was, gone) = (base(12, "old"), Published { now: None, ..shown(None, None, "") });
        check(Some(&was), "gone, early", &gone, 14, ["moved", "moved", "wait", "wait"]);
        check(Some(&was), "gone", &gone, 15, ["moved", "moved", "cannot tell", "cannot tell"]);
    }

    #[test]
    fn a_new_page_is_found_by_its_tag_alone() {
        check(None, "not there", &shown(None, None, ""), 14, ["write", "fail", "wait", "wait"]);
        let taken = shown(None, Some(base(1, "another")), "another");
        check(None, "its title is taken", &taken, 15, ["write", "moved", "write", "wait"]);
    }

    #[test]
    fn a_new_page_of_several_requests_is_finished_and_not_begun_again() {
        let part = Some(Part { made: 100, of: 230 });
        let cut = Published { part, ..shown(None, Some(base(0, "part")), "part") };
        check(None, "cut off, early", &cut, 14, ["write", "fail", "wait", "wait"]);
        check(None, "cut off", &cut, 15, ["write", "fail", "write", "wait"]);
        check(None, "taken away", &cut, 60, ["write", "fail", "write", "confirm"]);
        let shut = Published { closed: Some("locked".to_owned()), ..cut.clone() };
        check(None, "closed", &shut, 15, ["fail", "fail", "fail", "wait"]);
        let lease = SignedDuration::from_secs(15);
        let next = publish(None, Digest::of("new"), &shut, &Written::No, lease, at(1));
        let Next::Fail { detail } = next else { panic!("{next:?}") };
        assert!(detail.contains("locked") && detail.contains("the first 100 of its 230 blocks"), "{detail}");
        let yes = Written::Yes { since: at(0) };
        let next = publish(None, Digest::of("new"), &cut, &yes, lease, at(60));
        assert!(matches!(next, Next::Confirm { detail } if detail.contains(DIFFERS)));
    }

    #[test]
    fn a_comment_is_made_once_and_its_absence_undoes_nothing() {
        for (ours, seconds, expected) in [
            (true, 1, ["confirm"; 4]),
            (false, 14, ["write", "confirm", "wait", "wait"]),
            (false, 15, ["write", "confirm", "write", "wait"]),
            (false, 60, ["write", "confirm", "write", "confirm"]),
        ] {
            for (written, expected) in written().iter().zip(expected) {
                let told = ours.then_some("version 2 names the decision");
                let next = comment(told, written, SignedDuration::from_secs(15), at(seconds));
                assert_eq!(word(&next), expected, "{ours} {seconds} {written:?}");
            }
        }
    }
}
