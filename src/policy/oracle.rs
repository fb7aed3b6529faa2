//! The oracle cases O1 to O9, O17 and O19, and the properties that follow from them.

use std::num::NonZeroU32;

use proptest::prelude::*;

use super::*;
use crate::row::Filter;

fn threshold(name: &str, role: Option<&str>, approve: u32, deny: u32) -> Threshold {
    let filter = role.map_or(Filter::Any, Filter::role);
    Threshold {
        name: name.to_owned(),
        filter,
        approve: NonZeroU32::new(approve),
        deny: NonZeroU32::new(deny),
    }
}

fn rule(sets: Vec<Vec<Threshold>>) -> Rule {
    Rule { sets, touch: false, note: false }
}

/// `A+` is an approval by somebody in role a, `I-` a decline in role i; a digit after the letter tells people apart.
fn reviews(script: &str) -> Vec<Review> {
    let one = |(at, word): (usize, &str)| {
        let role = word[..1].to_lowercase();
        let vote = if word.ends_with('+') { Vote::Approve } else { Vote::Decline };
        let reviewer = format!("{role}-{at}").parse().unwrap();
        Review { reviewer, vote, attributes: Attributes::from([("role".to_owned(), vec![role])]) }
    };
    script.split_whitespace().enumerate().map(one).collect()
}

/// The tally after each review.
#[track_caller]
fn check(rule: &Rule, script: &str, expected: &str) {
    let all = reviews(script);
    let letter = |upto: usize| match count(rule, &all[..upto]) {
        Tally::Open => 'o',
        Tally::Approved => 'A',
        Tally::Declined => 'D',
    };
    assert_eq!((1..=all.len()).map(letter).collect::<String>(), expected, "{script}");
}

#[test]
fn the_oracle() {
    let uprising =
        rule(vec![vec![threshold("consensus", None, 3, 0), threshold("uprising", Some("a"), 2, 2)]]);
    check(&uprising, "A+ A- A+", "ooA"); // O1
    check(&uprising, "A+ A- A+ A-", "ooAA"); // O2: what is settled stays
    check(&uprising, "I+ A+ A- I- I+", "ooooA"); // O3: I's no is counted nowhere
    let coup = rule(vec![vec![threshold("consensus", None, 3, 0), threshold("coup", Some("m"), 2, 2)]]);
    check(&coup, "I+ M+ M- I- M-", "ooooD"); // O4
    let default = rule(vec![vec![threshold("default", None, 1, 1)]]);
    check(&default, "I+", "A"); // O5
    check(&default, "I-", "D");
    let three = rule(vec![
        vec![threshold("default", None, 1, 1)],
        vec![threshold("coup", Some("m"), 2, 2), threshold("consensus", None, 3, 0)],
        vec![threshold("uprising", Some("a"), 2, 2), threshold("consensus", None, 3, 0)],
    ]);
    check(&three, "M+ A+ I+", "ooA"); // O6
    check(&three, "I-", "D"); // O7
    let reality = rule(vec![vec![threshold("reality-check", None, 0, 1)]]);
    check(&reality, "A+ I+ M+ A+ I+ I-", "oooooD"); // O8
}

#[test]
fn one_person_counts_once() {
    // O9: ana says yes, then no; one key stands.
    let two = rule(vec![vec![threshold("default", None, 2, 1)]]);
    let mut reviews = reviews("A+ A-");
    reviews[1].reviewer = reviews[0].reviewer.clone();
    assert_eq!(count(&two, &reviews), Tally::Open);
}

#[test]
fn who_matches_no_filter_is_told_before_signing() {
    // O10
    let of_role = rule(vec![vec![threshold("uprising", Some("a"), 2, 0)]]);
    let role = |role: &str| Attributes::from([("role".to_owned(), vec![role.to_owned()])]);
    assert!(could_count(&of_role, Vote::Approve, &role("a")));
    assert!(!could_count(&of_role, Vote::Approve, &role("x")));
    assert!(!could_count(&of_role, Vote::Decline, &role("a")), "no decline is asked for");
}

#[test]
fn a_rule_without_sets_never_passes() {
    check(&rule(vec![]), "A+ A+ A-", "ooo");
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let role = prop_oneof![Just(None), Just(Some("a")), Just(Some("i")), Just(Some("m"))];
    let one =
        (role, 0_u32..4, 0_u32..3).prop_map(|(role, approve, deny)| threshold("t", role, approve, deny));
    prop::collection::vec(prop::collection::vec(one, 1..4), 1..4).prop_map(rule)
}

fn any_reviews() -> impl Strategy<Value = Vec<Review>> {
    let word = (prop_oneof![Just("A"), Just("I"), Just("M")], prop::bool::ANY)
        .prop_map(|(role, yes)| format!("{role}{}", if yes { '+' } else { '-' }));
    prop::collection::vec(word, 0..9).prop_map(|words| reviews(&words.join(" ")))
}

proptest! {
    #[test]
    fn a_later_review_never_unsettles(rule in any_rule(), reviews in any_reviews()) {
        let settled: Vec<_> = (0..=reviews.len()).map(|upto| count(&rule, &reviews[..upto])).collect();
        for pair in settled.windows(2) {
            prop_assert!(pair[0] == Tally::Open || pair[0] == pair[1]);
        }
    }

    #[test]
    fn order_of_thresholds_and_sets_is_nothing(rule in any_rule(), reviews in any_reviews()) {
        let mut turned = rule.clone();
        turned.sets.reverse();
        for set in &mut turned.sets { set.reverse(); }
        prop_assert_eq!(count(&rule, &reviews), count(&turned, &reviews));
    }

    #[test]
    fn two_keys_need_two_people(reviews in any_reviews()) {
        let mut reviews = reviews;
        for review in &mut reviews { review.reviewer = "ana".parse().unwrap(); }
        let two = Rule::keys(NonZeroU32::new(2).unwrap());
        prop_assert_ne!(count(&two, &reviews), Tally::Approved);
    }
}
