//! What is refused before it is signed, and that what is signed is what was shown.

use super::*;
use crate::{
    audit::{
        note::{KeyUse, NoteKey},
        statement::Statement,
    },
    client::{
        outbox::Head,
        sample::{at, draft, view},
        settings::Settings,
    },
    row::Verdict,
};

fn me(id: &str) -> Me {
    Me::of(id.parse().unwrap(), "demo.invalid", None)
}

fn wish(decision: Decision, note: &str, view: &RowView) -> Wish {
    Wish {
        decision,
        overrides: false,
        note: Note::parse(note).ok(),
        conditions: BTreeMap::new(),
        pin: Pin::of(view),
        on_screen_s: 41,
        offline: false,
        rests: SignedDuration::from_secs(10),
    }
}

const WHY: &str = "Manual mitigation of INC-771 stays.";

#[test]
fn what_is_refused_before_anybody_is_asked() {
    use Decision::{Approve, Decline, NeedsChanges, Withdraw};
    let plain = || view("sync-8822", 2, draft());
    let with = |change: fn(&mut RowView)| {
        let mut view = plain();
        change(&mut view);
        view
    };
    let sync = || with(|v| v.head.verdict = Verdict::Sync);
    for (name, who, decision, note, shown, now, code) in vec![
        ("a decline", "sarah", Decline, WHY, plain(), 1, ""),
        ("without a note", "sarah", Decline, "", plain(), 1, "note_required"),
        ("changes without a note", "sarah", NeedsChanges, " . ", plain(), 1, "note_required"),
        ("approving a hold", "sarah", Approve, WHY, plain(), 1, "goes_against_verdict"),
        ("approving a sync", "sarah", Approve, "", sync(), 1, ""),
        ("declining a sync", "sarah", Decline, WHY, sync(), 1, ""),
        ("one's own agent's", "admin", Decline, WHY, plain(), 1, "own_proposal"),
        ("lapsed", "sarah", Decline, WHY, plain(), 4 * 3600, "expired"),
        ("settled", "sarah", Decline, WHY, with(|v| v.head.state = State::Healthy), 1, "out_of_step"),
        ("nothing to withdraw", "sarah", Withdraw, "", plain(), 1, "out_of_step"),
        (
            "too late to withdraw",
            "sarah",
            Withdraw,
            "",
            with(|v| v.head.state = State::Executing),
            1,
            "already_executing",
        ),
        (
            "a stale row's approval",
            "sarah",
            Approve,
            "",
            with(|v| v.head.state = State::Stale),
            1,
            "out_of_step",
        ),
        ("a stale row's decline", "sarah", Decline, WHY, with(|v| v.head.state = State::Stale), 1, ""),
    ] {
        let asked = wish(decision, note, &shown);
        let said = check(&shown, &me(who), &asked, false, at(now)).err().map_or("", |refusal| refusal.code());
        assert_eq!(said, code, "{name}");
    }
    let touch = with(|v| (v.touch_needed, v.head.verdict) = (true, Verdict::Sync));
    let asked = wish(Approve, "", &touch);
    assert_eq!(check(&touch, &me("sarah"), &asked, false, at(1)), Err(Refusal::TouchRequired));
    assert_eq!(check(&touch, &me("sarah"), &asked, true, at(1)), Ok(()));
}

#[test]
fn the_pin_counts_not_what_the_cache_says_by_now() {
    let (shown, now) = (view("sync-8822", 1, draft()), view("sync-8822", 2, draft()));
    for (decision, code) in [(Decision::NeedsChanges, "stale_revision"), (Decision::Decline, "")] {
        let said = check(&now, &me("sarah"), &wish(decision, WHY, &shown), false, at(1));
        assert_eq!(said.err().map_or("", |refusal| refusal.code()), code);
    }
}

#[test]
fn what_is_signed_is_on_disk_and_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let mut outbox = Outbox::open(&folder.path().join("outbox.db")).unwrap();
    let signer = demo_signer(folder.path());
    let cached = Cached::of(view("sync-8822", 1, draft()));
    let wish = wish(Decision::Decline, WHY, &cached.view);
    let early = sign(&mut outbox, &signer, &cached, &me("sarah"), &wish, at(1));
    assert!(matches!(early, Err(DecideError::NoHead)));
    let log = NoteKey::from_seed("demo.invalid/dock", KeyUse::Log, &[1; 32]).unwrap();
    let head =
        Head { origin: "demo.invalid/dock".into(), epoch: 1, size: 7, note: log.sign(7, [9; 32]), at: at(0) };
    outbox.keep_head(&head).unwrap();

    let entry = sign(&mut outbox, &signer, &cached, &me("sarah"), &wish, at(1)).unwrap();
    assert_eq!(outbox.unsent().unwrap(), std::slice::from_ref(&entry));
    assert_eq!(entry.leaves_at, at(11));
    let statement = Statement::parse(entry.statement.as_bytes()).unwrap();
    assert_eq!((statement.note.as_str(), statement.on_screen_s, statement.seen.size), (WHY, 41, 7));
    let namespace = Purpose::Decision.namespace("demo.invalid");
    assert!(signer.public().verify(&namespace, entry.statement.as_bytes(), &entry.signature).is_ok());

    // Away for a while, one asks again: the first one waits, and a second could only be refused.
    let again = sign(&mut outbox, &signer, &cached, &me("sarah"), &wish, at(2)).unwrap_err();
    assert!(
        again.to_string().starts_with("your decline of sync-8822 r1 waits already, signed and unsent"),
        "{again}"
    );
    assert_eq!(outbox.unsent().unwrap().len(), 1);
    assert!(outbox.take_back(&entry.id, at(3)).unwrap());
    assert!(sign(&mut outbox, &signer, &cached, &me("sarah"), &wish, at(4)).is_ok(), "it was taken back");

    let edited = Cached { undecidable: Some("edited".into()), ..cached };
    let refused = sign(&mut outbox, &signer, &edited, &me("sarah"), &wish, at(2));
    assert!(matches!(refused, Err(DecideError::Undecidable(_))));
    outbox.keep_broken(&head).unwrap();
    let refused = sign(&mut outbox, &signer, &Cached::of(edited.view), &me("sarah"), &wish, at(2));
    assert!(matches!(refused, Err(DecideError::RecordBroken)));
}

fn demo_signer(folder: &std::path::Path) -> Signer {
    use std::os::unix::fs::PermissionsExt;
    let file = folder.join("key");
    std::fs::write(&file, include_str!("../../../tests/vectors/key_ed25519")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let settings = Settings {
        server: Some("http://127.0.0.1:1".into()),
        key: file.display().to_string(),
        ..Settings::default()
    };
    Signer::open(&settings, "demo.invalid", &[], &mut |_| None).unwrap()
}
