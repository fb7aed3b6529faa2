//! Terraform's plan beside a run: what it would change, whether that gives privileges or loses state.
//!
//! Never: a value that was marked sensitive.

use crate::row::Digest;

/// A Terraform run's plan, as Terraform Cloud gives it with sensitive values removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The run that would be applied: `run-…`.
    pub run: String,
    /// `organisation/workspace`.
    pub workspace: String,
    /// In Terraform Cloud's word: `planned`, `policy_checked`, `applied`, …
    pub status: String,
    /// It waits for somebody to confirm it.
    pub confirmable: bool,
    /// The workspace applies by itself: an answer here gates nothing of it.
    pub auto_apply: bool,
    /// Over the redacted plan's resource changes as received, keys sorted.
    pub digest: Digest,
    /// In the plan's order; what is not touched is left out.
    pub changes: Vec<ResourceChange>,
    /// A decimal, as text: what it costs more a month.
    pub monthly_cost_delta: Option<String>,
    pub url: String,
}

/// Terraform's newest run for a commit, where its plan is not to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unplanned {
    /// `run-…`.
    pub run: String,
    /// In Terraform Cloud's word.
    pub status: String,
}

impl Unplanned {
    /// Nothing of it will ever be applied.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.status.as_str(), "errored" | "discarded" | "canceled" | "force_canceled")
    }
}

impl Plan {
    /// It waits for a confirmation, and nobody but us would give it.
    pub fn waits(&self) -> bool {
        self.confirmable && !self.auto_apply
    }
}

/// One resource that a plan touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceChange {
    /// `aws_iam_role.billing_export`.
    pub address: String,
    /// `aws_iam_role`.
    pub kind: String,
    pub action: Action,
    /// Fields whose value differs, by name; of what is created, all that it has.
    pub fields: Vec<FieldChange>,
}

/// One top-level field of a resource; values as compact JSON, `(sensitive)` and `(known after apply)` spelled out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange {
    pub name: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    Read,
    /// Terraform stops managing it; it stays.
    Forget,
    Create,
    Update,
    Destroy,
    Replace,
}

impl Action {
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Forget => "forget",
            Self::Create => "create",
            Self::Update => "change",
            Self::Destroy => "destroy",
            Self::Replace => "replace",
        }
    }
}

/// Parts of Terraform type names that mean privileges.
const PRIVILEGES: [&str; 8] = [
    "_iam_",
    "_iam",
    "role_assignment",
    "role_binding",
    "cluster_role",
    "_policy_attachment",
    "service_account",
    "access_policy",
];

/// Parts of Terraform type names that hold state which a destroy loses.
const STATEFUL: [&str; 14] = [
    "_db_",
    "_rds_",
    "database",
    "_sql_",
    "dynamodb_table",
    "_s3_bucket",
    "storage_bucket",
    "storage_account",
    "_ebs_volume",
    "_efs_",
    "persistent_volume",
    "elasticache",
    "_kms_key",
    "_redis_",
];

impl ResourceChange {
    /// It gives, takes or changes privileges.
    pub fn privileges(&self) -> bool {
        PRIVILEGES.iter().any(|part| self.kind.contains(part))
    }

    /// What it destroys or replaces holds state.
    pub fn loses_state(&self) -> bool {
        let kind = format!("_{}_", self.kind);
        matches!(self.action, Action::Destroy | Action::Replace)
            && STATEFUL.iter().any(|part| kind.contains(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(kind: &str, action: Action) -> ResourceChange {
        ResourceChange { address: format!("{kind}.x"), kind: kind.to_owned(), action, fields: vec![] }
    }

    #[test]
    fn privileges_and_lost_state_are_told_by_type() {
        for kind in [
            "aws_iam_role",
            "google_project_iam_member",
            "azurerm_role_assignment",
            "kubernetes_cluster_role",
        ] {
            assert!(change(kind, Action::Create).privileges(), "{kind}");
        }
        for kind in ["aws_db_instance", "google_sql_database_instance", "aws_s3_bucket", "aws_dynamodb_table"]
        {
            assert!(change(kind, Action::Replace).loses_state(), "{kind}");
            assert!(!change(kind, Action::Update).loses_state(), "{kind}");
        }
        assert!(!change("aws_sqs_queue", Action::Create).privileges());
        assert!(!change("aws_sqs_queue", Action::Destroy).loses_state());
    }
}
