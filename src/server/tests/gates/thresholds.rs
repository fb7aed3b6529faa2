//! Who must sign, by role: frozen into the row, counted at the decision, counted again by the executor.

use super::*;
use crate::{audit::admin::AdminChange, wire::AskView};

const TABLES: &str = r#"
[gates.checkout-api]
repository = "acme/checkout-api"
[gates.search-indexer]
repository = "acme/search-indexer"
[[keys.thresholds]]
name = "sre"
roles = ["sre"]
kind = "gate"
environment = "production"
risk = "irreversible"
[[keys.thresholds]]
name = "db"
roles = ["db"]
kind = "gate"
paths = ["migrations/**"]
"#;

/// The first run of the scenario, whose change brings a migration.
const WITH_MIGRATION: u64 = 9_821;

impl Gated {
    async fn opened_of(&self, service: &str, run: u64) -> RowView {
        let reading = self.waits(service, run, "production").await;
        let (status, answer) = self.post("/v1/rows", &format!("open {run}"), &drafted(&reading)).await;
        assert_eq!(status, 201, "{answer}");
        self.world.row(answer["row"].as_str().unwrap()).await
    }

    async fn again(&self, row: &RowView) -> RowView {
        self.world.row(&row.head.id.to_string()).await
    }

    async fn roles(&self, who: &str, roles: &[&str]) {
        let person = AdminChange::Person {
            person: name(who),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            active: true,
            attributes: BTreeMap::new(),
        };
        let (status, answer) = self.world.change("/v1/people", "admin", person).await;
        assert_eq!(status, 201, "{answer}");
    }
}

fn said(row: &RowView) -> Vec<String> {
    row.asks.iter().map(AskView::sentence).collect()
}

#[tokio::test]
async fn a_migration_is_signed_by_an_sre_and_by_somebody_of_the_database() {
    let gated = Gated::start_with(TABLES).await;
    let row = gated.opened_of("checkout-api", WITH_MIGRATION).await;
    assert_eq!(said(&row)[1], "db (role db): 1 more, and NOBODY ELSE CAN");
    gated.roles("ana", &["db"]).await;
    let row = gated.again(&row).await;
    assert_eq!(said(&row)[1], "db (role db): 1 more, of ana");

    assert_eq!(gated.world.decide("govind", &row, Decision::Approve).await, "accepted");
    let row = gated.again(&row).await;
    assert_eq!(
        (row.head.state, said(&row)[0].as_str()),
        (State::HalfSigned, "sre (role sre): signed by govind")
    );
    // Another of the same role brings nothing nearer, and is told so; a no of anybody would end it.
    let statement = gated.world.statement("sarah", &row, Decision::Approve).await;
    let (_, answer) = gated.send(&statement).await;
    assert_eq!(answer["code"], json!("not_authorised"), "{answer}");
    assert!(answer.to_string().contains("db (role db)"), "{answer}");
    // Whom the row asks for by role need not be on call.
    assert_eq!(gated.world.decide("ana", &row, Decision::Approve).await, "accepted");
    assert_eq!(gated.again(&row).await.head.state, State::Approved);

    // The executor counts with the roles of its own time.
    gated.roles("ana", &["sre"]).await;
    let executor = gated.executor();
    let void = gated.work(&executor, row.head.id, &[State::Pending, State::HalfSigned]).await;
    assert!(void.keys.iter().any(|key| key.reviewer == name("ana") && key.void.is_some()), "{void:?}");
    assert_eq!(gated.answers("checkout-api", WITH_MIGRATION).await, []);

    gated.roles("ana", &["db"]).await;
    let row = gated.again(&row).await;
    for who in ["govind", "ana"] {
        let now = gated.again(&row).await;
        if said(&now).iter().any(|one| one.contains(&format!("signed by {who}"))) {
            continue;
        }
        assert_eq!(gated.world.decide(who, &now, Decision::Approve).await, "accepted", "{who}");
    }
    gated.work(&executor, row.head.id, &[State::Executed]).await;
    assert_eq!(gated.answers("checkout-api", WITH_MIGRATION).await.len(), 1);
}

#[tokio::test]
async fn only_a_run_that_brings_a_migration_asks_for_the_database() {
    let gated = Gated::start_with(TABLES).await;
    let run = gated.world.platforms.world().run("search-indexer").unwrap();
    let row = gated.opened_of("search-indexer", run).await;
    let names: Vec<&str> = row.asks.iter().map(|ask| ask.name.as_str()).collect();
    assert_eq!(names, ["sre"]);
    assert_eq!(gated.world.decide("govind", &row, Decision::Approve).await, "accepted");
    assert_eq!(gated.again(&row).await.head.state, State::Approved, "one key of the right person is enough");
}

#[tokio::test]
async fn the_record_names_the_rule_that_a_row_was_opened_with() {
    let gated = Gated::start_with(TABLES).await;
    let row = gated.opened_of("checkout-api", WITH_MIGRATION).await;
    let leaves = gated.leaves(row.head.id).await;
    let told = leaves[0].body.text("rule").unwrap();
    let stored = gated.world.store().row(row.head.id).await.unwrap().unwrap();
    assert_eq!(stored.rule.told().as_deref(), Some(told));
    assert!(told.contains("\"db\"") && told.contains("\"sre\""), "{told}");
}
