//! What differs from one environment of a service to the next: the class of a deploy there, and who knows how it does.
//!
//! Never: one environment's plan applied, or its numbers read, for another's.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

use super::{Plan, Service};
use crate::row::Risk;

/// One environment that waits for an answer. In a config a class alone, or a table whose names take the place of the
/// service's own: `staging = "reversible"`, `production = { risk = "irreversible", terraform = "acme/checkout" }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// What a deploy there costs to take back; irreversible where a table leaves it out.
    pub risk: Risk,
    pub argocd: Option<String>,
    pub terraform: Option<String>,
    pub datadog_slo: Option<String>,
    pub prometheus: Option<String>,
}

impl From<Risk> for Environment {
    fn from(risk: Risk) -> Self {
        Self { risk, argocd: None, terraform: None, datadog_slo: None, prometheus: None }
    }
}

/// The table's form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default = "irreversible")]
    risk: Risk,
    argocd: Option<String>,
    terraform: Option<String>,
    datadog_slo: Option<String>,
    prometheus: Option<String>,
}

fn irreversible() -> Risk {
    Risk::Irreversible
}

impl<'de> Deserialize<'de> for Environment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> de::Visitor<'de> for Either {
            type Value = Environment;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`reversible`, `costly`, `irreversible`, or a table with `risk`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Environment, E> {
                Risk::deserialize(de::value::StrDeserializer::new(text)).map(Environment::from)
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Environment, A::Error> {
                let Table { risk, argocd, terraform, datadog_slo, prometheus } =
                    Table::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(Environment { risk, argocd, terraform, datadog_slo, prometheus })
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// Who knows how fast a service's error budget burns. One alone is asked: its silence is not filled by another's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure<'a> {
    /// Datadog's SLO, by its id; without one, the SLO that is tagged with the service's name.
    Datadog(Option<&'a str>),
    /// Under this name.
    Prometheus(&'a str),
    /// Somebody is named for it, and this platform is not configured.
    Absent(&'static str),
    Nobody,
}

impl Service {
    /// The service as it is before one environment: what the environment names stands in the place of the service's own.
    /// `None`: it is not gated there.
    pub fn before(&self, environment: &str) -> Option<Self> {
        let own = self.environments.get(environment)?;
        let or = |own: &Option<String>, all: &Option<String>| own.clone().or_else(|| all.clone());
        Some(Self {
            argocd: or(&own.argocd, &self.argocd),
            terraform: or(&own.terraform, &self.terraform),
            datadog_slo: or(&own.datadog_slo, &self.datadog_slo),
            prometheus: or(&own.prometheus, &self.prometheus),
            ..self.clone()
        })
    }

    /// Some of its environments are run by this ArgoCD application, as ArgoCD names it; the service as it is there.
    pub fn run_by(&self, application: &str) -> Option<Self> {
        let is = |named: &Option<String>| {
            named.as_deref().is_some_and(|named| named.rsplit('/').next() == Some(application))
        };
        let all = self.environments.keys().filter_map(|environment| self.before(environment));
        all.into_iter().find(|service| is(&service.argocd))
    }

    /// Who is asked how its budget burns, of those that are configured at all.
    pub fn measured_by(&self, datadog: bool, prometheus: bool) -> Measure<'_> {
        match (self.datadog_slo.as_deref(), self.prometheus.as_deref()) {
            (Some(slo), _) if datadog => Measure::Datadog(Some(slo)),
            (_, Some(name)) if prometheus => Measure::Prometheus(name),
            (None, _) if datadog => Measure::Datadog(None),
            (Some(_), _) => Measure::Absent("Datadog"),
            (None, Some(_)) => Measure::Absent("Prometheus"),
            (None, None) => Measure::Nobody,
        }
    }

    /// What no type can say: a plan belongs to one environment.
    pub fn check_plans(&self) -> Result<(), String> {
        let several = self.environments.len() > 1;
        if let Some(workspace) = self.terraform.as_ref().filter(|_| several) {
            let all: Vec<&str> = self.environments.keys().map(String::as_str).collect();
            let one = all.iter().find(|name| **name == "production").or(all.first()).copied();
            let one = one.unwrap_or("production");
            let risk = self.environments.get(one).map_or(Risk::Irreversible, |environment| environment.risk);
            return Err(format!(
                "terraform `{workspace}` is the service's, which has several environments ({}): a deploy to any of \
                 them would apply its plan\nhint: say it at the one it belongs to, as environments.{one} = {{ risk = \
                 \"{}\", terraform = \"{workspace}\" }}",
                all.join(", "),
                risk.word()
            ));
        }
        let mut owners = std::collections::BTreeMap::new();
        for (name, environment) in &self.environments {
            let Some(workspace) = environment.terraform.as_ref().or(self.terraform.as_ref()) else {
                continue;
            };
            if let Some(other) = owners.insert(workspace, name) {
                return Err(format!(
                    "terraform `{workspace}` is named by {other} and by {name}: a deploy to either would apply the \
                     same plan\nhint: leave it to the environment whose infrastructure it is"
                ));
            }
        }
        Ok(())
    }

    /// The Terraform workspaces that it names anywhere.
    pub fn workspaces(&self) -> impl Iterator<Item = &String> {
        self.terraform.iter().chain(self.environments.values().filter_map(|one| one.terraform.as_ref()))
    }
}

/// What it costs to take an answer back that applies this plan: a plan is undone by another plan at best.
pub(super) fn with_apply(risk: Risk, plan: &Plan) -> Risk {
    let lost = plan.changes.iter().any(super::ResourceChange::loses_state);
    risk.max(if lost { Risk::Irreversible } else { Risk::Costly })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(text: &str) -> Result<Service, toml::de::Error> {
        toml::from_str(&format!("repository = \"acme/checkout-api\"\n{text}"))
    }

    #[test]
    fn an_environment_is_a_class_or_a_table() {
        let read = service(
            "argocd = \"checkout-api\"\ndatadog_slo = \"abc\"\n[environments]\nqa = \"costly\"\nstaging = { risk = \
             \"reversible\", argocd = \"checkout-api-staging\", terraform = \"acme/checkout-staging\" }\nproduction = \
             { terraform = \"acme/checkout\", prometheus = \"checkout\" }\n",
        )
        .unwrap();
        let of = |name: &str| {
            let service = read.before(name).unwrap();
            (read.environments[name].risk, service.argocd, service.terraform, service.prometheus)
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(of("qa"), (Risk::Costly, some("checkout-api"), None, None));
        let staging = (Risk::Reversible, some("checkout-api-staging"), some("acme/checkout-staging"), None);
        assert_eq!(of("staging"), staging);
        let production = (Risk::Irreversible, some("checkout-api"), some("acme/checkout"), some("checkout"));
        assert_eq!(of("production"), production);
        assert_eq!(read.before("dev"), None);
        assert_eq!(read.check_plans(), Ok(()));
        assert_eq!(read.run_by("checkout-api-staging"), read.before("staging"));
        for (wrong, says) in [
            ("[environments]\nqa = \"harmless\"\n", "unknown variant `harmless`"),
            ("[environments]\nqa = { risc = \"costly\" }\n", "unknown field `risc`"),
            ("[environments]\nqa = 7\n", "or a table with `risk`"),
        ] {
            let error = service(wrong).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn a_plan_belongs_to_one_environment() {
        let both = "environments = { staging = \"reversible\", production = \"costly\" }\n";
        let one = "terraform = \"acme/checkout\"\n";
        assert_eq!(service(one).unwrap().check_plans(), Ok(()), "production alone is gated");
        let error = service(&format!("{one}{both}")).unwrap().check_plans().unwrap_err();
        let hint = "environments.production = { risk = \"costly\", terraform = \"acme/checkout\" }";
        assert!(error.contains("\nhint: ") && error.contains(hint), "{error}");
        let twice = "environments = { staging = { terraform = \"acme/x\" }, production = { terraform = \"acme/x\" } }\n";
        let error = service(twice).unwrap().check_plans().unwrap_err();
        assert!(error.contains("named by production and by staging"), "{error}");
    }

    #[test]
    fn one_alone_measures_a_service() {
        let of = |text: &str, datadog, prometheus| {
            let service = service(text).unwrap();
            format!("{:?}", service.measured_by(datadog, prometheus))
        };
        let (slo, name) = ("datadog_slo = \"abc\"\n", "prometheus = \"checkout\"\n");
        let both = format!("{slo}{name}");
        for (text, datadog, prometheus, expected) in [
            ("", true, true, "Datadog(None)"),
            ("", false, true, "Nobody"),
            (slo, true, false, "Datadog(Some(\"abc\"))"),
            (slo, false, true, "Absent(\"Datadog\")"),
            (name, false, false, "Absent(\"Prometheus\")"),
            (name, true, true, "Prometheus(\"checkout\")"),
            (name, true, false, "Datadog(None)"),
            (&both, true, true, "Datadog(Some(\"abc\"))"),
            (&both, false, true, "Prometheus(\"checkout\")"),
        ] {
            assert_eq!(of(text, datadog, prometheus), expected, "{text:?} {datadog} {prometheus}");
        }
    }
}
