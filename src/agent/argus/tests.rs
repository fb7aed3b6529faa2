//! Argus against the simulated platforms, over HTTP: what it reads is what it drafts.

use std::{os::unix::fs::PermissionsExt as _, time::Duration};

use super::*;
use crate::{
    agent::{Told, Wish},
    clock::Clock,
    row::{Draft, Verdict},
    simulator::{Account, Fault, Pace, Scenario, Setting, Simulators, Site},
};

struct World {
    simulators: Simulators,
    folder: tempfile::TempDir,
}

impl World {
    async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let pace =
            Pace { tick: Duration::from_millis(5), refresh: Duration::from_millis(1), ..Pace::default() };
        let setting = Setting { scenario: Scenario::Seeds, clock: Clock::system(), pace, dir: None };
        let simulators = Simulators::start(setting).await.unwrap();
        Self { simulators, folder: tempfile::tempdir().unwrap() }
    }

    fn token(&self, name: &str, token: &str) -> String {
        let file = self.folder.path().join(name);
        std::fs::write(&file, token).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        file.display().to_string()
    }

    fn argus(&self) -> Argus {
        let world = self.simulators.world();
        let read = [Site::ArgoCd, Site::GitHub, Site::PagerDuty, Site::Prometheus];
        let sections = read.map(|site| {
            let agents = site == Site::ArgoCd;
            let token = if agents { world.argocd_token(Account::Agent) } else { world.token(site) };
            let (name, url) = (site.name(), self.simulators.url(site));
            format!("[platforms.{name}]\nurl = {url:?}\ntoken_file = {:?}\n", self.token(name, &token))
        });
        let dock = self.token("dock", "t");
        let text = format!("server = \"http://127.0.0.1:9\"\ntoken_file = {dock:?}\n{}", sections.concat());
        Argus::open(toml::from_str(&text).unwrap(), Clock::system()).unwrap()
    }

    /// The next drift of the plan, as soon as ArgoCD itself has seen it.
    async fn drift_next(&self) -> Option<String> {
        let app = self.simulators.world().drift_next()?;
        while !self.simulators.world().is_out_of_sync(&app) {
            tokio::task::yield_now().await;
        }
        Some(app)
    }

    async fn drafts(&self, app: Option<&str>) -> Vec<Draft> {
        let mut drafts = Vec::new();
        let wish = Wish { only: app.map(str::to_owned), dry_run: true };
        let keep = |told| match told {
            Told::Draft(draft) => drafts.push(*draft),
            Told::Answered { .. } | Told::Rest { .. } | Told::Trouble { .. } => (),
        };
        self.argus().once(&wish, keep).await.unwrap();
        drafts
    }
}

#[tokio::test]
async fn the_seeds_rows_are_drafted_from_what_the_platforms_say() {
    let world = World::start().await;
    while world.drift_next().await.is_some() {}
    let mut drafts = world.drafts(None).await;
    drafts.sort_by(|a, b| a.subject.cmp(&b.subject));
    let said: Vec<_> =
        drafts.iter().map(|d| (d.subject.as_str(), d.title.as_str(), d.rationale.as_str())).collect();
    assert_eq!(
        said,
        [
            (
                "checkout-web",
                "configmap drift on feature flag",
                "Hold. Drift is from a manual toggle during incident #INC-771. Reconciling would revert the mitigation."
            ),
            (
                "ledger-worker",
                "helm chart bump 2.4.1 to 2.4.2",
                "Patch release, changelog is dependency bumps only. Auto-syncing in staging first."
            ),
            (
                "payments-api",
                "image tag behind main by 3 commits",
                "Roll forward to ship the idempotency fix merged in #4412. Low blast radius, no schema change."
            ),
        ]
    );
    let verdicts: Vec<_> = drafts.iter().map(|draft| draft.verdict).collect();
    assert_eq!(verdicts, [Verdict::Hold, Verdict::Sync, Verdict::Sync]);
    let people = |at: usize| drafts[at].reviewers.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!((people(0), people(2)), (vec!["sarah".to_owned()], vec!["govind".to_owned()]));
    assert_eq!(drafts[0].incident.as_deref(), Some("INC-771"));
    for draft in &drafts {
        assert_eq!(draft.check(), Ok(()));
        assert!(draft.signals.iter().any(|signal| signal.series.is_some()), "{}", draft.subject);
    }
}

#[tokio::test]
async fn a_platform_that_fails_is_a_named_unknown_and_a_hold() {
    let world = World::start().await;
    world.drift_next().await;
    for (site, fault) in [
        (Site::GitHub, Fault::Status(500)),
        (Site::PagerDuty, Fault::Status(401)),
        (Site::Prometheus, Fault::Garbage),
    ] {
        let faults = world.simulators.world().faults(site);
        faults.script("", fault, None);
        let drafts = world.drafts(Some("payments-api")).await;
        faults.clear();
        assert_eq!(drafts.len(), 1, "{site:?}");
        assert_eq!(drafts[0].verdict, Verdict::Hold, "{site:?}");
        let unknown = drafts[0].signals.iter().find(|signal| signal.rule.starts_with("unknown-fact"));
        assert!(
            unknown.is_some() && drafts[0].rationale.contains("Unknown: "),
            "{site:?}: {}",
            drafts[0].rationale
        );
    }
}

#[tokio::test]
async fn argocd_away_is_trouble_and_no_draft() {
    let world = World::start().await;
    world.drift_next().await;
    world.simulators.world().faults(Site::ArgoCd).down();
    let error =
        world.argus().once(&Wish { only: Some("payments-api".to_owned()), dry_run: true }, |_| ()).await;
    assert!(matches!(error, Err(ArgusError::Platform(_))));
}
