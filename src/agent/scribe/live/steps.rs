//! What a step names, and what the system says of it now.
//!
//! A step no longer holds where it names something that ArgoCD has nowhere. What could not be read says so beside the step,
//! with what it was before, and breaks nothing.
//! Never: IO, a clock; a Secret's value; an unread fact taken for the one before it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{super::words, history::History};
use crate::{
    agent::{facts::Asked, words::names},
    row::{
        page::{Outline, procedure},
        proposal::{Live, LiveFact, LiveStep, SignedTick},
    },
};

/// What things are called in commands and prose.
const KINDS: &[(&str, &str)] = &[
    ("deployment", "Deployment"),
    ("deploy", "Deployment"),
    ("statefulset", "StatefulSet"),
    ("sts", "StatefulSet"),
    ("daemonset", "DaemonSet"),
    ("configmap", CONFIG_MAP),
    ("cm", CONFIG_MAP),
];
const CONFIG_MAP: &str = "ConfigMap";
/// Facts beside one step; more than these nobody reads.
const FACTS_MAX: usize = 12;
const VALUE_BYTES_MAX: usize = 120;
/// Words that mean all of a service's numbers.
const ALL_NUMBERS: [&str; 3] = ["dashboard", "dashboards", "graphs"];
const UNKNOWN: &str = "unknown: ";
const BEFORE: (&str, &str) = ("unknown now, ", " before");

/// What ArgoCD has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::agent::scribe) struct Running {
    pub workloads: Vec<Workload>,
    pub maps: Vec<Map>,
    /// Why some of it could not be read, where it could not: what is not here may be there.
    pub missing: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::agent::scribe) struct Workload {
    /// The application that it belongs to.
    pub app: String,
    pub kind: String,
    pub name: String,
    pub replicas: Option<u64>,
    /// The first container's.
    pub image: Option<String>,
    /// The application's health.
    pub health: String,
    /// When the application was synced last, as ArgoCD wrote it.
    pub deployed_at: Option<String>,
}

/// A config map: flags and other settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::agent::scribe) struct Map {
    pub name: String,
    pub values: BTreeMap<String, String>,
}

/// A number that is measured, by what steps call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::agent::scribe) struct Number {
    /// `p95 of payments-api`.
    pub name: String,
    /// How steps name it.
    pub called: Vec<String>,
    /// It is one of those that a dashboard of the service shows.
    pub on_dashboard: bool,
    /// With its unit.
    pub value: Asked<String>,
}

/// Everything that steps are held against.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::agent::scribe) struct Seen<'a> {
    pub running: &'a Asked<Running>,
    pub numbers: &'a [Number],
    pub history: &'a History,
    /// What the open row says, where one is open.
    pub before: Option<&'a Live>,
    /// What was signed of steps on earlier rows of the incident, by the step's text.
    pub signed: &'a SignedSteps,
    pub read_at: Timestamp,
}

/// What was signed of steps on earlier rows of the incident, by the step's label and text: two steps may read the same.
pub(in crate::agent::scribe) type SignedSteps = BTreeMap<(String, String), SignedTick>;

/// The page's steps, each with what it names.
pub(in crate::agent::scribe) fn live(outline: &Outline, seen: &Seen<'_>) -> Live {
    let page = procedure::of(outline);
    let alone = |text: &str| page.steps.iter().filter(|step| step.text == text).count() == 1;
    let signed: Vec<_> = page.steps.iter().map(|step| seen.signed(step, alone(&step.text))).collect();
    let steps = page.steps.into_iter().zip(signed);
    let steps = steps.map(|(step, signed)| LiveStep { signed, ..seen.step(step) }).collect();
    Live { steps, ..page }
}

/// Of each step that is not struck out, its text and what stands under it.
fn texts(outline: &Outline) -> Vec<String> {
    procedure::of(outline).steps.iter().filter(|step| !step.deprecated).map(whole).collect()
}

fn whole(step: &LiveStep) -> String {
    step.under.iter().fold(step.text.clone(), |text, part| text + "\n" + &part.text)
}

/// What steps name and ArgoCD has nowhere; nothing where not all of it was read.
pub(in crate::agent::scribe) fn gone(outline: &Outline, running: &Asked<Running>) -> Vec<String> {
    let Some(running) = running.known().filter(|running| running.missing.is_none()) else {
        return Vec::new();
    };
    let all = texts(outline).into_iter().flat_map(|whole| mentions(&whole));
    all.filter(|(kind, name)| !running.has(kind, name)).map(|(_, name)| name).collect()
}

/// Some step names this number.
pub(in crate::agent::scribe) fn is_named(outline: &Outline, number: &Number) -> bool {
    texts(outline).iter().any(|whole| number.is_named_in(whole))
}

/// What was read of one thing, or why it was not.
struct Read {
    name: String,
    value: Result<String, String>,
    at: Timestamp,
}

impl Seen<'_> {
    /// Nothing is asked about a step that is struck out.
    fn step(&self, step: LiveStep) -> LiveStep {
        if step.deprecated {
            return step;
        }
        let (text, whole) = (step.text.as_str(), &*whole(&step));
        let before = self.before.and_then(|live| live.steps.iter().find(|one| is_same(one, &step)));
        let mentioned = mentions(whole);
        let gone = self.gone(&mentioned);
        let (broken, row) = match (&gone, self.running) {
            (Some((kind, name)), _) => {
                let row = self.history.changed.get(name).copied();
                let by = row.map(|row| format!(", {row} changed it last")).unwrap_or_default();
                (Some(format!("names {} {name}: ArgoCD has none{by}", kind.to_lowercase())), row)
            }
            // What was gone when it was last read has not come back unseen.
            (None, Asked::Unknown { .. }) => (before.and_then(|step| step.broken.clone()), None),
            (None, Asked::Known { .. } | Asked::Never) => (None, None),
        };
        let mut reads = self.objects(whole, &mentioned, before);
        reads.extend(self.numbers.iter().filter(|number| number.is_named_in(whole)).filter_map(Number::read));
        let facts = reads.into_iter().map(|read| read.told(before)).take(FACTS_MAX).collect();
        let row = row.or_else(|| self.history.touched.get(text).copied());
        LiveStep { facts, broken, row, ..step }
    }

    /// What was signed of this very step; where others came before it meanwhile, of the only one that reads so.
    fn signed(&self, step: &LiveStep, alone: bool) -> Option<SignedTick> {
        if step.deprecated {
            return None;
        }
        let exact = self.signed.get(&(step.label.clone(), step.text.clone()));
        let mut same = self.signed.iter().filter(|((_, text), _)| *text == step.text);
        let only = same.next().filter(|_| alone && same.next().is_none()).map(|(_, tick)| tick);
        exact.or(only).cloned()
    }

    /// The first that is named and nowhere. Where not all was read, nothing is gone.
    fn gone<'m>(&self, mentioned: &'m Mentions) -> Option<&'m (&'static str, String)> {
        let Asked::Known { value: running, .. } = self.running else { return None };
        let gone = mentioned.iter().find(|(kind, name)| !running.has(kind, name));
        gone.filter(|_| running.missing.is_none())
    }

    fn objects(&self, whole: &str, mentioned: &Mentions, before: Option<&LiveStep>) -> Vec<Read> {
        match self.running {
            Asked::Never => Vec::new(),
            Asked::Known { value: running, at } => {
                let mut reads: Vec<Read> = running
                    .told(whole)
                    .map(|(name, value)| Read { name, value: Ok(value), at: *at })
                    .collect();
                if let Some(why) = &running.missing {
                    let unread = mentioned.iter().filter(|(kind, name)| !running.has(kind, name));
                    reads.extend(unread.map(|one| unread_object(one, why, *at)));
                }
                reads
            }
            Asked::Unknown { why, at } => {
                let measured = |name: &str| self.numbers.iter().any(|number| number.name == name);
                let known =
                    before.into_iter().flat_map(|step| &step.facts).filter(|fact| !measured(&fact.name));
                let mut reads: Vec<Read> = known
                    .map(|fact| Read { name: fact.name.clone(), value: Err(why.clone()), at: *at })
                    .collect();
                let named = mentioned.iter().map(|one| unread_object(one, why, *at));
                let told = |one: &Read| {
                    let object = one.name.split(' ').next_back().unwrap_or_default();
                    reads.iter().any(|read| names(&read.name, object))
                };
                let named: Vec<Read> = named.filter(|one| !told(one)).collect();
                reads.extend(named);
                reads
            }
        }
    }
}

/// The same step of the revision before. One that was drafted before labels were kept has its text alone.
fn is_same(was: &LiveStep, is: &LiveStep) -> bool {
    was.text == is.text && (was.label.is_empty() || was.label == is.label)
}

fn unread_object((kind, name): &(&'static str, String), why: &str, at: Timestamp) -> Read {
    Read { name: format!("{} {name}", kind.to_lowercase()), value: Err(why.to_owned()), at }
}

impl Read {
    /// With its age. What was not read says so, and what it was when it last was.
    fn told(self, before: Option<&LiveStep>) -> LiveFact {
        let Self { name, value, at } = self;
        let why = match value {
            Ok(value) => {
                return LiveFact {
                    name,
                    value: words::cut(&words::line(&value), VALUE_BYTES_MAX),
                    read_at: at,
                };
            }
            Err(why) => why,
        };
        let was = before.and_then(|step| step.facts.iter().find(|fact| fact.name == name));
        let known = was.filter(|fact| !fact.value.starts_with(UNKNOWN));
        if let Some(was) = known {
            let own = was.value.strip_prefix(BEFORE.0).and_then(|value| value.strip_suffix(BEFORE.1));
            let value = format!("{}{}{}", BEFORE.0, own.unwrap_or(&was.value), BEFORE.1);
            return LiveFact { name, value, read_at: was.read_at };
        }
        let why = why.lines().next().unwrap_or_default().to_owned();
        LiveFact {
            name,
            value: words::cut(&format!("{UNKNOWN}{}", words::line(&why)), VALUE_BYTES_MAX),
            read_at: at,
        }
    }
}

impl Running {
    fn has(&self, kind: &str, name: &str) -> bool {
        match kind {
            CONFIG_MAP => self.maps.iter().any(|map| map.name == name),
            _ => self.workloads.iter().any(|one| one.name == name && one.kind == kind),
        }
    }

    /// Name and value of everything that the text names.
    fn told(&self, text: &str) -> impl Iterator<Item = (String, String)> {
        let workloads = self.workloads.iter().filter(|one| names(text, &one.name)).flat_map(Workload::told);
        let settings = self.maps.iter().flat_map(|map| map.told(text));
        workloads.chain(settings).collect::<Vec<_>>().into_iter()
    }
}

impl Workload {
    fn told(&self) -> Vec<(String, String)> {
        let Self { app, kind, name, replicas, image, health, deployed_at } = self;
        let replicas = replicas.map(|replicas| format!("{replicas} replicas, ")).unwrap_or_default();
        let mut facts = vec![(format!("{} {name}", kind.to_lowercase()), format!("{replicas}{health}"))];
        facts.extend(image.clone().map(|image| (format!("image of {name}"), image)));
        facts.extend(deployed_at.clone().map(|at| (format!("last sync of {app}"), at)));
        facts
    }
}

impl Map {
    /// The settings that the text names. A name that could be any word counts only beside the map's own.
    fn told(&self, text: &str) -> impl Iterator<Item = (String, String)> {
        let beside = names(text, &self.name);
        let is_own = |key: &str| key.contains(['_', '-', '.']);
        let named = self.values.iter().filter(move |(key, _)| names(text, key) && (beside || is_own(key)));
        let name = &self.name;
        named.map(move |(key, value)| (format!("{key} in {name}"), format!("\"{value}\"")))
    }
}

impl Number {
    fn is_named_in(&self, text: &str) -> bool {
        let flat = spaced(text);
        let says = |phrase: &str| flat.contains(&spaced(phrase));
        self.called.iter().any(|phrase| says(phrase))
            || (self.on_dashboard && ALL_NUMBERS.iter().any(|phrase| says(phrase)))
    }

    fn read(&self) -> Option<Read> {
        let (value, at) = match &self.value {
            Asked::Never => return None,
            Asked::Known { value, at } => (Ok(value.clone()), *at),
            Asked::Unknown { why, at } => (Err(why.clone()), *at),
        };
        Some(Read { name: self.name.clone(), value, at })
    }
}

/// Words in small letters, each between spaces.
fn spaced(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.fold(" ".to_owned(), |all, word| all + &word.to_lowercase() + " ")
}

/// Kinds and names.
type Mentions = BTreeSet<(&'static str, String)>;

/// `deployment/api-gw`, `deploy api-gw`, `configmap api-gw-flags`.
fn mentions(text: &str) -> Mentions {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '/' | '.');
    let all: Vec<&str> = text.split(|c: char| !part(c)).filter(|word| !word.is_empty()).collect();
    let kind =
        |word: &str| KINDS.iter().find(|(short, _)| word.eq_ignore_ascii_case(short)).map(|(_, kind)| *kind);
    let is_name = |word: &str| {
        let inner = word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        inner && word.contains('-')
    };
    let slashed = all.iter().filter_map(|word| {
        let (short, name) = word.split_once('/')?;
        Some((kind(short)?, name.trim_matches('.').to_owned()))
    });
    let spaced = all.windows(2).filter_map(|pair| match pair {
        [short, name] if is_name(name.trim_end_matches('.')) => {
            Some((kind(short)?, name.trim_end_matches('.').to_owned()))
        }
        _ => None,
    });
    slashed.chain(spaced).filter(|(_, name)| !name.is_empty()).collect()
}

/// It says another thing of the system than before. A number that is measured says another thing once it is a quarter off.
pub(in crate::agent::scribe) fn differ(was: &Live, is: &Live) -> bool {
    let all = |live: &Live| -> Vec<(String, String)> {
        let facts = live.steps.iter().flat_map(|step| &step.facts);
        facts.map(|fact| (fact.name.clone(), fact.value.clone())).collect()
    };
    let (was, is) = (all(was), all(is));
    was.len() != is.len()
        || was.iter().zip(&is).any(|((name, was), (same, is))| name != same || values_differ(was, is))
}

fn values_differ(was: &str, is: &str) -> bool {
    match (number(was), number(is)) {
        (Some((was, unit)), Some((is, same))) if unit == same => {
            (was - is).abs() > 0.25 * was.abs().max(is.abs())
        }
        _ => was != is,
    }
}

/// `4.2x`, `310 ms`: the number and its unit.
fn number(value: &str) -> Option<(f64, &str)> {
    let end = value.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '-').unwrap_or(value.len());
    let (number, unit) = value.split_at(end);
    let is_unit = unit.len() <= 8 && !unit.contains(|c: char| c.is_ascii_digit() || c == ',');
    number.parse().ok().filter(|_| is_unit).map(|number| (number, unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::sample,
        row::page::{Body, outline},
    };

    const PAGE: &str = "<ol><li><p>Scale deployment api-gw to 6.</p></li>\
<li><p>Set express_checkout to false in the config map.</p></li>\
<li><p>Look at payments-api and its p95.</p></li>\
<li><p>Watch the dashboard.</p></li>\
<li><p>Look at configmap/payments-flags: mode is open?</p></li></ol>";

    fn workload(name: &str) -> Workload {
        Workload {
            app: "payments".into(),
            kind: "Deployment".into(),
            name: name.into(),
            replicas: Some(4),
            image: None,
            health: "Healthy".into(),
            deployed_at: None,
        }
    }

    fn running() -> Running {
        let map = |name: &str, key: &str, value: &str| Map {
            name: name.into(),
            values: [(key.to_owned(), value.to_owned()), ("to".into(), "secret".into())].into(),
        };
        Running {
            workloads: vec![workload("api-gw"), workload("payments-api")],
            maps: vec![
                map("checkout-flags", "express_checkout", "true"),
                map("payments-flags", "mode", "open"),
            ],
            missing: None,
        }
    }

    fn p95(value: Asked<String>) -> Number {
        Number { name: "p95 of payments-api".into(), called: vec!["p95".into()], on_dashboard: true, value }
    }

    fn known<T>(value: T) -> Asked<T> {
        Asked::Known { value, at: sample::at(60) }
    }

    fn away<T>() -> Asked<T> {
        Asked::Unknown { why: "ArgoCD is not reachable\nhint: wait".into(), at: sample::at(120) }
    }

    fn made(running: &Asked<Running>, number: Asked<String>, before: Option<&Live>) -> Live {
        let numbers = [p95(number)];
        let changed = [("api-gw".to_owned(), "sync-8830".parse().unwrap())].into();
        let history = History { changed, ..History::default() };
        let signed = SignedSteps::new();
        let seen = Seen {
            running,
            numbers: &numbers,
            history: &history,
            before,
            signed: &signed,
            read_at: sample::at(120),
        };
        let outline = outline::read(&Body::Storage(PAGE.into())).unwrap();
        Live { incident: "INC-1".into(), ..live(&outline, &seen) }
    }

    fn said(live: &Live) -> Vec<Vec<String>> {
        let facts = |step: &LiveStep| {
            step.facts.iter().map(|fact| format!("{}: {}", fact.name, fact.value)).collect()
        };
        live.steps.iter().map(facts).collect()
    }

    #[test]
    fn each_step_says_what_it_names_and_nothing_else() {
        let live = made(&known(running()), known("310 ms".into()), None);
        let (gw, api) =
            ("deployment api-gw: 4 replicas, Healthy", "deployment payments-api: 4 replicas, Healthy");
        let expected: [&[&str]; 5] = [
            &[gw],
            &["express_checkout in checkout-flags: \"true\""],
            &[api, "p95 of payments-api: 310 ms"],
            &["p95 of payments-api: 310 ms"],
            &["mode in payments-flags: \"open\""],
        ];
        assert_eq!(said(&live), expected);
        assert!(live.steps.iter().all(|step| step.broken.is_none()));
    }

    #[test]
    fn what_is_gone_breaks_its_step_with_the_row_that_changed_it_and_what_is_unread_breaks_none() {
        let mut less = running();
        less.workloads.remove(0);
        less.maps.remove(1);
        let live = made(&known(less.clone()), Asked::Never, None);
        let broken: Vec<_> = live.steps.iter().map(|step| step.broken.as_deref()).collect();
        let gw = "names deployment api-gw: ArgoCD has none, sync-8830 changed it last";
        assert_eq!(
            broken,
            [Some(gw), None, None, None, Some("names configmap payments-flags: ArgoCD has none")]
        );
        assert_eq!(live.steps[0].row, Some("sync-8830".parse().unwrap()));

        less.missing = Some("search could not be read".into());
        let live = made(&known(less), Asked::Never, None);
        assert!(live.steps.iter().all(|step| step.broken.is_none()), "{live:?}");
        assert_eq!(said(&live)[0], ["deployment api-gw: unknown: search could not be read"]);
    }

    #[test]
    fn what_cannot_be_read_says_what_it_was_and_how_old_that_is() {
        let first = made(&known(running()), known("310 ms".into()), None);
        let second = made(&away(), away(), Some(&first));
        let third = made(&away(), away(), Some(&second));
        for live in [&second, &third] {
            let said = said(live);
            assert_eq!(said[0], ["deployment api-gw: unknown now, 4 replicas, Healthy before"]);
            assert_eq!(said[3], ["p95 of payments-api: unknown now, 310 ms before"]);
            assert!(
                live.steps.iter().flat_map(|step| &step.facts).all(|fact| fact.read_at == sample::at(60))
            );
        }
        assert!(differ(&first, &second) && !differ(&second, &third));

        let never = made(&away(), away(), None);
        assert_eq!(said(&never)[0], ["deployment api-gw: unknown: ArgoCD is not reachable"]);
        assert_eq!(
            said(&made(&known(running()), known("1 ms".into()), Some(&third)))[3],
            ["p95 of payments-api: 1 ms"]
        );

        let mut less = running();
        less.workloads.remove(0);
        let gone = made(&known(less), Asked::Never, None);
        assert_eq!(made(&away(), Asked::Never, Some(&gone)).steps[0].broken, gone.steps[0].broken);
    }

    #[test]
    fn a_number_differs_by_a_quarter_and_anything_else_by_a_letter() {
        for (was, is, expected) in [
            ("310 ms", "330 ms", false),
            ("310 ms", "610 ms", true),
            ("0x", "0x", false),
            ("4.2x", "4.2 %", true),
            ("30 replicas, Healthy", "31 replicas, Healthy", true),
            ("2026-05-29T02:00:00Z", "2026-05-29T02:00:01Z", true),
            ("310 ms", "unknown now, 310 ms before", true),
        ] {
            assert_eq!(values_differ(was, is), expected, "{was} {is}");
        }
    }

    #[test]
    fn names_are_read_from_commands_and_prose() {
        let found = |text: &str| {
            mentions(text).into_iter().map(|(kind, name)| format!("{kind}/{name}")).collect::<Vec<_>>()
        };
        assert_eq!(found("kubectl rollout restart deploy/payments-api."), ["Deployment/payments-api"]);
        assert_eq!(
            found("look at the deployment of it, and statefulset redis-main."),
            ["StatefulSet/redis-main"]
        );
        assert_eq!(found("kubectl edit cm checkout-flags"), ["ConfigMap/checkout-flags"]);
        assert!(found("deploy today, config map or not").is_empty());
    }
}
