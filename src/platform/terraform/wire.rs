//! Terraform's JSON:API as it comes, turned into the room's types at once.
//!
//! Never: seen outside this room.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Comment, Counts, Policy, Run, Verdict, Workspace};
use crate::platform::Fact;

#[derive(Debug, Deserialize)]
pub(super) struct One {
    pub(super) data: Resource,
    #[serde(default)]
    pub(super) included: Vec<Resource>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Many {
    pub(super) data: Vec<Resource>,
    #[serde(default)]
    pub(super) included: Vec<Resource>,
    meta: Option<Meta>,
}

#[derive(Debug, Deserialize)]
struct Meta {
    pagination: Option<Pagination>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Pagination {
    next_page: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Resource {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    attributes: Value,
    #[serde(default)]
    relationships: BTreeMap<String, Relationship>,
}

#[derive(Debug, Deserialize)]
struct Relationship {
    #[serde(default)]
    data: Option<Linked>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Linked {
    One(Reference),
    // Lists of resources, which are asked for by their own path.
    Many(Vec<Reference>),
}

#[derive(Debug, Deserialize)]
struct Reference {
    id: String,
}

impl Resource {
    fn attributes<T: DeserializeOwned>(&self) -> Result<T, String> {
        T::deserialize(&self.attributes).map_err(|error| format!("{} {}: {error}", self.kind, self.id))
    }

    fn linked(&self, name: &str) -> Option<&str> {
        match self.relationships.get(name)?.data.as_ref()? {
            Linked::One(one) => Some(&one.id),
            Linked::Many(many) => many.first().map(|one| one.id.as_str()),
        }
    }

    fn follow<'r>(&self, name: &str, among: &'r [Resource]) -> Option<&'r Resource> {
        let id = self.linked(name)?;
        among.iter().find(|resource| resource.id == id)
    }

    fn text(&self, name: &str) -> String {
        self.attributes[name].as_str().unwrap_or_default().to_owned()
    }

    fn expect(&self, kind: &str) -> Result<(), String> {
        if self.kind == kind { Ok(()) } else { Err(format!("{} where {kind} were asked for", self.kind)) }
    }
}

impl Many {
    /// Is there no page after this one? A short page without the word about it is the last, too.
    pub(super) fn is_last(&self, page: usize) -> Result<bool, String> {
        match self.meta.as_ref().and_then(|meta| meta.pagination.as_ref()) {
            Some(pagination) => Ok(pagination.next_page.is_none()),
            None if self.data.len() < page => Ok(true),
            None => Err("a full page without a word about the next".to_owned()),
        }
    }

    pub(super) fn comments(&self) -> impl Iterator<Item = Comment> {
        self.data.iter().map(|one| Comment { id: one.id.clone(), body: one.text("body") })
    }

    pub(super) fn sentinel(&self) -> impl Iterator<Item = Policy> {
        self.data.iter().map(|check| policy("Sentinel", check))
    }

    pub(super) fn opa(&self) -> impl Iterator<Item = Policy> {
        let evaluations = self.included.iter().filter(|one| one.kind == "policy-evaluations");
        evaluations.map(|evaluation| policy("OPA", evaluation))
    }
}

fn policy(engine: &'static str, wire: &Resource) -> Policy {
    let status = wire.text("status");
    let verdict = match status.as_str() {
        "passed" => Verdict::Passed,
        "failed" | "soft_failed" | "hard_failed" => Verdict::Failed,
        "overridden" => Verdict::Overridden,
        "pending" | "queued" | "running" => Verdict::Pending,
        _ => Verdict::Untold,
    };
    Policy { engine, id: wire.id.clone(), verdict, status }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct WorkspaceAttributes {
    name: String,
    auto_apply: Option<bool>,
    locked: Option<bool>,
    terraform_version: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PlanAttributes {
    status: String,
    has_changes: Option<bool>,
    resource_additions: Option<u64>,
    resource_changes: Option<u64>,
    resource_destructions: Option<u64>,
    resource_imports: Option<u64>,
}

impl One {
    pub(super) fn workspace(&self) -> Result<Workspace, String> {
        self.data.expect("workspaces")?;
        let wire: WorkspaceAttributes = self.data.attributes()?;
        let untold = || Fact::Unknown("Terraform does not tell whether it applies by itself".to_owned());
        Ok(Workspace {
            id: self.data.id.clone(),
            name: wire.name,
            auto_apply: wire.auto_apply.map_or_else(untold, Fact::Known),
            locked: wire.locked,
            terraform_version: wire.terraform_version,
        })
    }

    pub(super) fn counts(&self) -> Fact<Counts> {
        let wire: PlanAttributes = match self.data.attributes() {
            Ok(wire) => wire,
            Err(why) => return Fact::Unknown(why),
        };
        if wire.status != "finished" {
            return Fact::Unknown(format!("the plan is {}", wire.status));
        }
        let counts = (|| {
            Some(Counts {
                has_changes: wire.has_changes?,
                additions: wire.resource_additions?,
                changes: wire.resource_changes?,
                destructions: wire.resource_destructions?,
                // Older Terraform imports nothing and says nothing of it.
                imports: wire.resource_imports.unwrap_or(0),
            })
        })();
        counts.map_or_else(|| Fact::Unknown("the plan has no counts".to_owned()), Fact::Known)
    }

    pub(super) fn monthly_cost_delta(&self) -> Fact<String> {
        let status = self.data.text("status");
        let delta = self.data.text("delta-monthly-cost");
        match (status.as_str(), delta.parse::<f64>()) {
            ("finished", Ok(number)) if number.is_finite() => Fact::Known(delta),
            ("finished", _) => Fact::Unknown("the cost estimate has no number".to_owned()),
            _ => Fact::Unknown(format!("the cost estimate is {status}")),
        }
    }

    pub(super) fn username(&self) -> Fact<String> {
        let name = self.data.text("username");
        if name.is_empty() { Fact::Unknown("Terraform does not tell".to_owned()) } else { Fact::Known(name) }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RunAttributes {
    status: String,
    message: Option<String>,
    created_at: Option<Timestamp>,
    #[serde(default)]
    plan_only: bool,
    #[serde(default)]
    is_destroy: bool,
    actions: Option<Actions>,
    status_timestamps: Option<BTreeMap<String, Value>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Actions {
    #[serde(default)]
    is_confirmable: bool,
    #[serde(default)]
    is_discardable: bool,
}

/// A run, with its commit from what came along.
pub(super) fn run(resource: &Resource, included: &[Resource]) -> Result<Run, String> {
    resource.expect("runs")?;
    let wire: RunAttributes = resource.attributes()?;
    let times = wire.status_timestamps.unwrap_or_default();
    let times = times.values().filter_map(|at| at.as_str()?.parse::<Timestamp>().ok());
    let actions = wire.actions.unwrap_or_default();
    let linked = |name: &str| resource.linked(name).map(str::to_owned);
    Ok(Run {
        id: resource.id.clone(),
        workspace_id: linked("workspace"),
        status: wire.status,
        status_at: times.max(),
        created_at: wire.created_at,
        message: wire.message.unwrap_or_default(),
        confirmable: actions.is_confirmable,
        discardable: actions.is_discardable,
        plan_only: wire.plan_only,
        is_destroy: wire.is_destroy,
        commit: commit(resource, included),
        plan_id: linked("plan"),
        cost_estimate_id: linked("cost-estimate"),
    })
}

fn commit(run: &Resource, included: &[Resource]) -> Fact<String> {
    let unknown = |why: &str| Fact::Unknown(why.to_owned());
    let Some(version) = run.follow("configuration-version", included) else {
        return unknown("Terraform does not tell what started the run");
    };
    let Some(ingress) = version.follow("ingress-attributes", included) else {
        return unknown("no commit started the run");
    };
    match ingress.text("commit-sha") {
        sha if sha.is_empty() => unknown("no commit started the run"),
        sha => Fact::Known(sha),
    }
}

/// `{"errors":[{status, title, detail}]}`; the status is a number here and a string there, and not needed.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Errors {
    #[serde(default)]
    errors: Vec<Value>,
}

impl Errors {
    pub(super) fn words(&self) -> String {
        let words = self.errors.iter().map(|error| match error {
            Value::String(words) => words.clone(),
            error => {
                let part = |name: &str| error[name].as_str().filter(|text| !text.is_empty());
                [part("title"), part("detail")].into_iter().flatten().collect::<Vec<_>>().join(": ")
            }
        });
        words.collect::<Vec<_>>().join("; ")
    }
}
