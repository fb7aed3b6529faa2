//! What measures a service says nothing, said it too long ago, or lives by another clock: unknown, shown so, never fine.

use jiff::SignedDuration;

use super::*;

/// The search indexer's table, measured as this line says.
fn measured(line: &str) -> String {
    format!(
        "[gates.search-indexer]\nrepository = \"acme/search-indexer\"\nargocd = \"search-indexer\"\n{line}\n"
    )
}

struct Measured {
    world: Loop,
    /// The platforms' sections, Prometheus' among them.
    platforms: String,
}

impl Measured {
    async fn start() -> Self {
        let world = Loop::start().await;
        world.waiting(SEARCH).await;
        let file = world.server.dir.path().join("prometheus-reader");
        write_private(&file, &world.platforms().token(Site::Prometheus));
        let at = world.config.find("[platforms.").unwrap();
        let url = world.server.platforms.url(Site::Prometheus);
        let prometheus =
            format!("[platforms.prometheus]\nurl = \"{url}\"\ntoken_file = \"{}\"\n", file.display());
        Self { platforms: world.config[at..].to_owned() + &prometheus, world }
    }

    /// What would be drafted by a gatekeeper whose clock is so many seconds ahead of everybody's.
    async fn drafted(&self, measure: &str, ahead_s: i64) -> Draft {
        let file = self.world.server.dir.path().join(format!("clock-{ahead_s}"));
        std::fs::write(&file, ahead_s.to_string()).unwrap();
        let text = format!(
            "server = \"{}\"\ntoken_file = \"{}\"\n{}{}",
            self.world.server.url,
            self.world.token,
            measured(measure),
            self.platforms
        );
        let keeper = Gatekeeper::open(toml::from_str(&text).unwrap(), Clock::with_offset_file(file)).unwrap();
        let mut drafts = Vec::new();
        let keep = |told| match told {
            Told::Draft(draft) => drafts.push(*draft),
            Told::Answered { .. } | Told::Rest { .. } | Told::Trouble { .. } => (),
        };
        keeper.once(&Wish { only: None, dry_run: true }, keep).await.unwrap();
        assert_eq!(drafts.len(), 1, "{measure}");
        drafts.remove(0)
    }
}

fn check(how: &str, draft: &Draft) {
    assert_eq!(draft.verdict, Verdict::Hold, "{how}: {}", draft.rationale);
    assert!(draft.rationale.contains("Unknown: "), "{how}: {}", draft.rationale);
    // What is told over days may still know of the time before.
    let fast: Vec<_> = draft.signals.iter().filter(|one| one.name == "SLO burn 1h").collect();
    let [burn] = fast.as_slice() else { panic!("{how}: {:?}", draft.signals) };
    assert_eq!(burn.verdict, Grade::Unknown, "{how}: {burn:?}");
    assert!(!burn.value.trim().is_empty(), "{how}: {burn:?}");
}

#[tokio::test]
async fn a_measure_that_says_nothing_is_unknown_and_shown_so() {
    let measured = Measured::start().await;
    let world = &measured.world;
    let slo = |service: &str| format!("datadog_slo = \"{}\"", world.platforms().datadog_slo(service));
    let (datadog, prometheus) = (slo(SEARCH), format!("prometheus = \"{SEARCH}\""));
    for good in [&datadog, &prometheus] {
        let draft = measured.drafted(good, 0).await;
        let burns: Vec<_> = draft.signals.iter().filter(|one| one.name.contains("burn")).collect();
        assert!(burns.iter().all(|one| one.verdict != Grade::Unknown), "{good}: {burns:?}");
    }
    check("Datadog counts nothing: null", &measured.drafted(&slo("notifications"), 0).await);
    check("Prometheus' vector is empty", &measured.drafted("prometheus = \"notifications\"", 0).await);
    check("Datadog keeps no such SLO", &measured.drafted("datadog_slo = \"none-such\"", 0).await);
    check("our clock is ahead of Prometheus'", &measured.drafted(&prometheus, 40 * 60).await);
    check("our clock is behind Prometheus'", &measured.drafted(&prometheus, -40 * 60).await);
    let since = Clock::system().now().saturating_sub(SignedDuration::from_hours(1)).unwrap();
    world.platforms().fall_silent(SEARCH, since).unwrap();
    check("Datadog's series ended an hour ago", &measured.drafted(&datadog, 0).await);
    check("Prometheus' series ended an hour ago", &measured.drafted(&prometheus, 0).await);
}
