//! Cedar: who may draft, review, read and administer, and which rows may pass without a person.
//!
//! Policies are checked against the schema when they are loaded: a mistyped attribute is an error at the desk and not at
//! 2am. `forbid` beats `permit`; an error while evaluating, or a fact that is missing, means no, and for automation: a
//! person decides.
//! Never: a default that permits; automation for what [`Engine::decides`] rules out before any policy is asked.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    str::FromStr,
    sync::LazyLock,
};

use cedar_policy::{
    ActionConstraint, Authorizer, Context, Decision, Effect, Entities, Entity, EntityId, EntityTypeName,
    EntityUid, Policy, PolicyId, PolicySet, Request, RestrictedExpression, Schema, ValidationMode, Validator,
};
use jiff::Timestamp;
use miette::Diagnostic;

use crate::row::{Attributes, Filter, Kind, PrincipalId, Refusal, Risk, Row, Rule};

const SCHEMA: &str = include_str!("../../assets/policies/dock.cedarschema");
/// What every installation begins with.
pub const DEFAULT: &str = include_str!("../../assets/policies/default.cedar");
/// The seeds' example of a policy that decides.
pub const STAGING_PATCH: &str = include_str!("../../assets/policies/staging-patch.cedar");

/// The annotations that a policy may carry. `@version` makes a deciding policy nameable in the record.
const PERMIT_ANNOTATIONS: [&str; 5] = ["id", "says", "version", "owner", "expires"];
const FORBID_ANNOTATIONS: [&str; 2] = ["id", "says"];
const DECIDE: &str = "decide";

/// One file of policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyText {
    /// For messages: a file's name.
    pub name: String,
    pub text: String,
}

/// A policy that is refused at the desk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{policy}{}: {why}", line.map(|line| format!(" line {line}")).unwrap_or_default())]
pub struct PolicyError {
    pub policy: String,
    /// From 1 on.
    pub line: Option<usize>,
    pub why: String,
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub enum Asker<'a> {
    /// With roles and shifts as they are now: `role`, `on_call`.
    Human {
        id: &'a PrincipalId,
        attributes: &'a Attributes,
    },
    Agent {
        id: &'a PrincipalId,
        owner: &'a PrincipalId,
        active: bool,
    },
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub enum Wish<'a> {
    Draft(RowFacts<'a>),
    Review(RowFacts<'a>),
    Read(RowFacts<'a>),
    Administer,
}

/// What policies see of a row: the head, and facts of the backend's own reading (`bump`, `changelog`).
#[derive(Debug, Clone, Copy)]
pub struct RowFacts<'a> {
    pub row: &'a Row,
    pub facts: &'a BTreeMap<String, String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permission {
    /// By the policies of these ids.
    Allow {
        by: String,
    },
    Deny {
        why: Refusal,
    },
}

/// The policies in force, parsed once.
#[derive(Debug)]
pub struct Engine {
    schema: Schema,
    policies: PolicySet,
    /// The name that the record gives to a policy that decides, and until when it may.
    deciding: HashMap<PolicyId, Deciding>,
    types: Types,
}

#[derive(Debug, Clone)]
struct Deciding {
    /// `staging-patch v3`.
    name: String,
    expires: Option<Timestamp>,
}

#[derive(Debug)]
struct Types {
    human: EntityTypeName,
    agent: EntityTypeName,
    automation: EntityTypeName,
    row: EntityTypeName,
    desk: EntityTypeName,
    action: EntityTypeName,
}

impl Engine {
    /// The defaults and the seeds' staging policy, parsed at the first use.
    pub fn embedded() -> Result<&'static Self, &'static PolicyError> {
        static EMBEDDED: LazyLock<Result<Engine, PolicyError>> = LazyLock::new(|| {
            let text = |name: &str, text: &str| PolicyText { name: name.to_owned(), text: text.to_owned() };
            Engine::load(&[text("default.cedar", DEFAULT), text("staging-patch.cedar", STAGING_PATCH)])
        });
        EMBEDDED.as_ref()
    }

    /// Parses and checks; the first thing that is wrong is told with its line.
    pub fn load(texts: &[PolicyText]) -> Result<Self, PolicyError> {
        let broken = |why: String| PolicyError { policy: "dock.cedarschema".to_owned(), line: None, why };
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA).map_err(|error| broken(error.to_string()))?;
        let types = Types::new().map_err(broken)?;
        let validator = Validator::new(schema.clone());
        let (mut policies, mut deciding) = (PolicySet::new(), HashMap::new());
        for file in texts {
            for policy in read(file)? {
                let wrong = |why: String| PolicyError { policy: file.name.clone(), line: None, why };
                if let Some(one) = check(&policy).map_err(wrong)? {
                    deciding.insert(policy.id().clone(), one);
                }
                let known = policies.policy(policy.id()).is_some();
                let twice = || wrong(format!("the id {} stands twice", policy.id()));
                policies
                    .add(policy.clone())
                    .map_err(|error| if known { twice() } else { wrong(error.to_string()) })?;
            }
            validate(file, &validator)?;
        }
        Ok(Self { schema, policies, deciding, types })
    }

    /// May they? Only a clean yes is a yes.
    pub fn may(&self, asker: Asker<'_>, wish: Wish<'_>) -> Permission {
        let who = match asker {
            Asker::Human { id, .. } | Asker::Agent { id, .. } => id.clone(),
        };
        let answer = self.ask(asker, wish);
        let no = |why: String| Permission::Deny { why: Refusal::NotAuthorised { who: who.clone(), why } };
        match answer {
            Err(why) => no(why),
            Ok(Answer { allowed: true, by, error: None, .. }) => Permission::Allow { by: by.join(", ") },
            Ok(Answer { error: Some(error), .. }) => no(format!("a policy could not be evaluated ({error})")),
            Ok(Answer { by, .. }) => match (asker, wish) {
                (Asker::Human { id, .. }, Wish::Review(of)) if of.row.owner == *id => {
                    Permission::Deny { why: Refusal::OwnProposal { agent: of.row.agent.clone() } }
                }
                (Asker::Human { id, attributes }, Wish::Review(_))
                    if by.is_empty() && values(attributes, "on_call").is_empty() =>
                {
                    Permission::Deny { why: Refusal::NotOnCall { who: id.clone() } }
                }
                _ if by.is_empty() => no("no policy permits it".to_owned()),
                _ => no(format!("the policy {} forbids it", by.join(", "))),
            },
        }
    }

    /// The policy that decides on this row in a person's place, by name and version; none: a person decides. `failed`: an
    /// execution of the same drift failed before.
    pub fn decides(&self, of: RowFacts<'_>, failed: bool, now: Timestamp) -> Option<String> {
        let row = of.row;
        let never = failed
            || row.claim
            || row.withdrawn_by_person
            || row.risk == Risk::Irreversible
            || !row.rule.one_of_anybody()
            || row.id.kind == Kind::Policy
            || !row.verdict.goes_ahead();
        if never {
            return None;
        }
        let (row, mut entities) = self.row(of).ok()?;
        let automation = self.types.uid(&self.types.automation, "dock");
        entities.push(Entity::with_uid(automation.clone()));
        let answer = self.evaluate(automation, DECIDE, row, entities).ok()?;
        if !answer.allowed || answer.error.is_some() {
            return None;
        }
        let standing = |one: &&Deciding| one.expires.is_none_or(|expires| now < expires);
        let mut names: Vec<_> =
            answer.ids.iter().filter_map(|id| self.deciding.get(id)).filter(standing).collect();
        names.sort_by(|a, b| a.name.cmp(&b.name));
        names.first().map(|one| one.name.clone())
    }

    fn ask(&self, asker: Asker<'_>, wish: Wish<'_>) -> Result<Answer, String> {
        let (principal, mut entities) = match asker {
            Asker::Human { id, attributes } => {
                let human = self.human(id, values(attributes, "role"), values(attributes, "on_call"))?;
                (human.uid(), vec![human])
            }
            Asker::Agent { id, owner, active } => {
                let agent = self.agent(id, owner, active)?;
                (agent.uid(), vec![agent])
            }
        };
        let (action, resource, of_row) = match wish {
            Wish::Draft(of) => ("draft", None, Some(of)),
            Wish::Review(of) => ("review", None, Some(of)),
            Wish::Read(of) => ("read", None, Some(of)),
            Wish::Administer => ("administer", Some(self.types.uid(&self.types.desk, "desk")), None),
        };
        let resource = match (resource, of_row) {
            (_, Some(of)) => {
                let (row, more) = self.row(of)?;
                // Who asks is told with what is true now, not as the row's agent or owner.
                entities.extend(more.into_iter().filter(|entity| entity.uid() != principal));
                row
            }
            (Some(desk), None) => {
                entities.push(Entity::with_uid(desk.clone()));
                desk
            }
            (None, None) => return Err("nothing was asked about".to_owned()),
        };
        self.evaluate(principal, action, resource, entities)
    }

    fn evaluate(
        &self,
        principal: EntityUid,
        action: &str,
        resource: EntityUid,
        entities: Vec<Entity>,
    ) -> Result<Answer, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let action = self.types.uid(&self.types.action, action);
        let request = Request::new(principal, action, resource, Context::empty(), Some(&self.schema))
            .map_err(|e| text(&e))?;
        let entities = Entities::from_entities(entities, None).map_err(|e| text(&e))?;
        let response = Authorizer::new().is_authorized(&request, &self.policies, &entities);
        let mut ids: Vec<PolicyId> = response.diagnostics().reason().cloned().collect();
        ids.sort_by_key(ToString::to_string);
        Ok(Answer {
            allowed: response.decision() == Decision::Allow,
            by: ids.iter().map(ToString::to_string).collect(),
            ids,
            error: response.diagnostics().errors().next().map(|e| text(e)),
        })
    }

    /// The row as an entity, with its agent and owner.
    fn row(&self, of: RowFacts<'_>) -> Result<(EntityUid, Vec<Entity>), String> {
        let RowFacts { row, facts } = of;
        let owner = self.human(&row.owner, &[], &[])?;
        let agent = self.agent(&row.agent, &row.owner, true)?;
        let text = |value: &str| RestrictedExpression::new_string(value.to_owned());
        let mut attributes = HashMap::from([
            ("kind".to_owned(), text(row.id.kind.word())),
            ("subject".to_owned(), text(&row.subject)),
            ("environment".to_owned(), text(&row.environment)),
            ("verdict".to_owned(), text(row.verdict.word())),
            ("risk".to_owned(), text(row.risk.word())),
            ("keys_needed".to_owned(), RestrictedExpression::new_long(i64::from(row.rule.keys_needed()))),
            ("asked_roles".to_owned(), asked_roles(&row.rule)),
            ("agent".to_owned(), RestrictedExpression::new_entity_uid(agent.uid())),
            ("owner".to_owned(), RestrictedExpression::new_entity_uid(owner.uid())),
        ]);
        // What was not read is left out: a policy that asks for it fails, and a person decides.
        for name in ["bump", "changelog"] {
            if let Some(value) = facts.get(name) {
                attributes.insert(name.to_owned(), text(value));
            }
        }
        let uid = self.types.uid(&self.types.row, &row.id.to_string());
        let entity =
            Entity::new(uid.clone(), attributes, HashSet::new()).map_err(|error| error.to_string())?;
        Ok((uid, vec![entity, agent, owner]))
    }

    fn human(&self, id: &PrincipalId, roles: &[String], on_call: &[String]) -> Result<Entity, String> {
        let set = |values: &[String]| {
            RestrictedExpression::new_set(values.iter().cloned().map(RestrictedExpression::new_string))
        };
        let attributes =
            HashMap::from([("roles".to_owned(), set(roles)), ("on_call".to_owned(), set(on_call))]);
        let uid = self.types.uid(&self.types.human, id.as_str());
        Entity::new(uid, attributes, HashSet::new()).map_err(|error| error.to_string())
    }

    fn agent(&self, id: &PrincipalId, owner: &PrincipalId, active: bool) -> Result<Entity, String> {
        let owner = self.types.uid(&self.types.human, owner.as_str());
        let standing = if active { "active" } else { "suspended" };
        let attributes = HashMap::from([
            ("owner".to_owned(), RestrictedExpression::new_entity_uid(owner)),
            ("standing".to_owned(), RestrictedExpression::new_string(standing.to_owned())),
        ]);
        let uid = self.types.uid(&self.types.agent, id.as_str());
        Entity::new(uid, attributes, HashSet::new()).map_err(|error| error.to_string())
    }
}

/// What Cedar said.
struct Answer {
    allowed: bool,
    ids: Vec<PolicyId>,
    by: Vec<String>,
    error: Option<String>,
}

impl Types {
    fn new() -> Result<Self, String> {
        let named = |name: &str| EntityTypeName::from_str(name).map_err(|error| error.to_string());
        Ok(Self {
            human: named("Human")?,
            agent: named("Agent")?,
            automation: named("Automation")?,
            row: named("Row")?,
            desk: named("Desk")?,
            action: named("Action")?,
        })
    }

    #[expect(clippy::unused_self, reason = "reads as `types.uid(&types.row, …)`")]
    fn uid(&self, kind: &EntityTypeName, id: &str) -> EntityUid {
        EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
    }
}

fn values<'a>(attributes: &'a Attributes, name: &str) -> &'a [String] {
    attributes.get(name).map(Vec::as_slice).unwrap_or_default()
}

/// The roles that a row's rule asks for by name.
fn asked_roles(rule: &Rule) -> RestrictedExpression {
    fn roles<'f>(filter: &'f Filter, found: &mut Vec<&'f str>) {
        match filter {
            Filter::Has { attribute, value } if attribute == "role" => found.push(value),
            Filter::Either(filters) => filters.iter().for_each(|filter| roles(filter, found)),
            Filter::Any | Filter::Has { .. } | Filter::HasNot { .. } | Filter::All(_) => {}
        }
    }
    let mut found = Vec::new();
    rule.asked().for_each(|one| roles(&one.filter, &mut found));
    RestrictedExpression::new_set(
        found.into_iter().map(|role| RestrictedExpression::new_string(role.to_owned())),
    )
}

/// The policies of one file, each under the id that it gives itself.
fn read(file: &PolicyText) -> Result<Vec<Policy>, PolicyError> {
    let set = PolicySet::from_str(&file.text).map_err(|errors| {
        let first = errors.iter().next();
        let line = first.and_then(|error| line(&file.text, error));
        let why = first.map_or_else(|| errors.to_string(), ToString::to_string);
        PolicyError { policy: file.name.clone(), line, why }
    })?;
    let wrong = |why: &str| PolicyError { policy: file.name.clone(), line: None, why: why.to_owned() };
    if set.templates().next().is_some() {
        return Err(wrong("templates are not used here: name principal and resource"));
    }
    let named = set.policies().map(|policy| match policy.annotation("id") {
        Some(id) if !id.is_empty() => Ok(policy.new_id(PolicyId::new(id))),
        _ => Err(wrong("each policy needs a name: @id(\"…\")")),
    });
    named.collect()
}

/// What Cedar itself does not ask for. Gives how the record names a policy that decides.
fn check(policy: &Policy) -> Result<Option<Deciding>, String> {
    let id = policy.id();
    let allowed: &[&str] =
        if policy.effect() == Effect::Permit { &PERMIT_ANNOTATIONS } else { &FORBID_ANNOTATIONS };
    if let Some((name, _)) = policy.annotations().find(|(name, _)| !allowed.contains(name)) {
        return Err(format!(
            "{id}: @{name} is not known here; a {} may have {}",
            policy.effect(),
            allowed.join(", ")
        ));
    }
    let actions = match policy.action_constraint() {
        ActionConstraint::Any if policy.effect() == Effect::Permit => {
            return Err(format!("{id}: a permit names its action, as in action == Action::\"review\""));
        }
        ActionConstraint::Any => Vec::new(),
        ActionConstraint::Eq(action) => vec![action],
        ActionConstraint::In(actions) => actions,
    };
    let decides = actions.iter().any(|action| action.id().unescaped() == DECIDE);
    if !decides || policy.effect() == Effect::Forbid {
        return Ok(None);
    }
    if actions.len() > 1 {
        return Err(format!("{id}: a policy that decides does nothing else; give it an own permit"));
    }
    let version =
        policy.annotation("version").and_then(|text| text.parse::<u32>().ok()).filter(|version| *version > 0);
    let version =
        version.ok_or_else(|| format!("{id}: a policy that decides needs a number: @version(\"1\")"))?;
    let owner = policy.annotation("owner").and_then(|text| text.parse::<PrincipalId>().ok());
    owner.ok_or_else(|| format!("{id}: a policy that decides needs an owner: @owner(\"…\")"))?;
    let expires = match policy.annotation("expires") {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| format!("{id}: @expires(\"{text}\") is no time"))?),
    };
    Ok(Some(Deciding { name: format!("{id} v{version}"), expires }))
}

fn validate(file: &PolicyText, validator: &Validator) -> Result<(), PolicyError> {
    let set = PolicySet::from_str(&file.text).map_err(|error| PolicyError {
        policy: file.name.clone(),
        line: None,
        why: error.to_string(),
    })?;
    let result = validator.validate(&set, ValidationMode::Strict);
    if let Some(error) = result.validation_errors().next() {
        let why = error.to_string();
        return Err(PolicyError { policy: file.name.clone(), line: line(&file.text, error), why });
    }
    // A policy that can never apply, or letters that look like others: nobody means that.
    if let Some(warning) = result.validation_warnings().next() {
        let why = warning.to_string();
        return Err(PolicyError { policy: file.name.clone(), line: line(&file.text, warning), why });
    }
    Ok(())
}

/// The line that a complaint points at.
fn line(text: &str, error: &dyn Diagnostic) -> Option<usize> {
    let offset = error.labels()?.next()?.offset();
    Some(text.get(..offset.min(text.len()))?.matches('\n').count() + 1)
}

#[cfg(test)]
mod tests;
