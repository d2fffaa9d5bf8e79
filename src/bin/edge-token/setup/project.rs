//! What the project's own files say: tools, bindings, realms.

use std::fs;

use edge_token::dialect::Dialect;
use edge_token::realm::{Cause, Realm, RealmError, Realms};
use serde_json::Value;

use super::{Keys, Outcome, Setup};
use crate::target::{Kind, project};
use crate::wrangler_toml::{WranglerToml, made_up_jwk_set, signing_keys};

/// The host of the example in wrangler.toml, which is nobody's.
const EXAMPLE: &str = "//auth.example.com/";

impl Setup<'_> {
    pub(super) fn node(&mut self) -> bool {
        let found = self.target.version("node");
        let found = found.as_ref().map(|text| text.trim_start_matches('v'));
        match (found, needed_node()) {
            (Err(error), _) => {
                self.fail("Node", format!("cannot be run: {error}"), "make setup");
                false
            }
            (Ok(version), Some(needed)) if numbers(version) < numbers(&needed) => {
                let detail = format!("{version}, and wrangler needs {needed}");
                self.fail("Node", detail, "make setup");
                false
            }
            (Ok(version), _) => {
                let version = version.to_owned();
                self.pass("Node", version);
                true
            }
        }
    }

    pub(super) fn wrangler(&mut self) -> bool {
        let found = self.target.version("wrangler");
        let version = match found {
            Ok(version) => version,
            Err(error) => {
                self.fail("wrangler", error.to_string(), "make setup");
                return false;
            }
        };
        match package_json("package.json", &["devDependencies", "wrangler"]) {
            Some(pinned) if pinned != version => {
                let detail = format!("{version}, where package.json has {pinned}");
                self.add(
                    "wrangler",
                    Outcome::Remark,
                    detail,
                    Some("make setup".into()),
                );
            }
            _ => self.pass("wrangler", version),
        }
        true
    }

    /// wrangler.toml, if it has the environment.
    pub(super) fn environment(&mut self) -> Option<WranglerToml> {
        let configuration = match WranglerToml::read(self.target) {
            Ok(configuration) => configuration,
            Err(error) => {
                self.fail("wrangler.toml", error.to_string(), "edit wrangler.toml");
                return None;
            }
        };
        if configuration.environment().is_some() {
            return Some(configuration);
        }
        let known = configuration.environments().join(", ");
        let detail = format!("has no such environment; those that it has: {known}");
        let name = configuration
            .environments()
            .first()
            .map(ToString::to_string);
        let mend = format!("cargo run -- setup --env {}", name.unwrap_or_default());
        self.fail("--env", detail, mend);
        None
    }

    pub(super) fn bindings(&mut self, configuration: &WranglerToml) {
        let list = |of: Option<&Value>| of.and_then(Value::as_array).cloned().unwrap_or_default();
        let is = |member: &'static str, name: &'static str| {
            move |entry: &&Value| entry.get(member).and_then(Value::as_str) == Some(name)
        };
        let append = |table: &str, lines: &str| {
            let table = configuration.table(table);
            format!("printf '\\n[[{table}]]\\n{lines}\\n' >> wrangler.toml")
        };

        let namespaces = list(configuration.own("kv_namespaces"));
        match namespaces.iter().find(is("binding", "CLIENTS")) {
            Some(_) => self.pass("binding CLIENTS", "a KV namespace"),
            None => self.fail(
                "binding CLIENTS",
                "wrangler.toml binds no KV namespace of that name",
                append("kv_namespaces", "binding = \"CLIENTS\""),
            ),
        }

        let objects = configuration.own("durable_objects");
        let objects = list(objects.and_then(|objects| objects.get("bindings")));
        let class = objects.iter().find(is("name", "GRANTS"));
        match class.map(|object| object.get("class_name").and_then(Value::as_str)) {
            Some(Some("GrantStore")) => self.pass("binding GRANTS", "the class GrantStore"),
            Some(_) => self.fail(
                "binding GRANTS",
                "its class_name is not GrantStore",
                "edit wrangler.toml: class_name = \"GrantStore\" below name = \"GRANTS\"",
            ),
            None => self.fail(
                "binding GRANTS",
                "wrangler.toml binds no Durable Object of that name",
                append(
                    "durable_objects.bindings",
                    "name = \"GRANTS\"\\nclass_name = \"GrantStore\"",
                ),
            ),
        }

        let migrations = list(configuration.inherited("migrations"));
        let makes = |kind: &str| {
            let mut classes = migrations.iter().flat_map(|step| list(step.get(kind)));
            classes.any(|class| class == "GrantStore")
        };
        match (makes("new_sqlite_classes"), makes("new_classes")) {
            (true, _) => self.pass("migration", "makes GrantStore, with SQLite storage"),
            (_, true) => self.fail(
                "migration",
                "makes GrantStore without SQLite storage",
                "edit wrangler.toml: new_sqlite_classes instead of new_classes",
            ),
            _ => {
                let next = migrations.len().saturating_add(1);
                let lines = format!("tag = \"v{next}\"\\nnew_sqlite_classes = [\"GrantStore\"]");
                self.fail(
                    "migration",
                    "no migration in wrangler.toml makes the class GrantStore",
                    append("migrations", &lines),
                );
            }
        }

        let limiters = list(configuration.own("ratelimits"));
        let is_absent =
            |name: &&&'static str| !limiters.iter().any(|entry| is("name", name)(&entry));
        let absent = ["RATE_LIMITER", "FAILURE_LIMITER"];
        let absent = absent.iter().filter(is_absent).copied().collect::<Vec<_>>();
        match absent.is_empty() {
            true => self.pass("rate limiters", "RATE_LIMITER and FAILURE_LIMITER"),
            false => {
                let detail = format!("{} absent: those brakes are off", absent.join(" and "));
                self.add("rate limiters", Outcome::Remark, detail, None);
            }
        }
    }

    /// Looks at each realm; where the keys of the good ones are.
    pub(super) fn realms(&mut self, configuration: &WranglerToml) -> Vec<Keys> {
        let variables = configuration.realms();
        let realms = Realms::parse(&variables, &made_up_jwk_set, &Dialect::ALL);
        let mut all = Vec::<Keys>::new();
        for realm in realms.all() {
            let realm = match realm {
                Ok(realm) => realm,
                Err(error) => {
                    self.bad_realm(configuration, error);
                    continue;
                }
            };
            self.realm(configuration, realm);
            let secrets = signing_keys(&variables, &realm.name);
            match all.iter_mut().find(|keys| keys.secrets == secrets) {
                Some(keys) => keys.token_lifetime = keys.token_lifetime.max(realm.access_token_ttl),
                None => all.push(Keys {
                    secrets,
                    token_lifetime: realm.access_token_ttl,
                }),
            }
        }
        all
    }

    fn bad_realm(&mut self, configuration: &WranglerToml, error: &RealmError) {
        let table = |name: &str| configuration.table(&format!("vars.REALMS.{name}"));
        let (name, detail, mend) = match error {
            RealmError::None => (
                "realms".to_owned(),
                "none is configured".to_owned(),
                format!(
                    "printf '\\n[{}]\\nissuer = \"https://YOUR.HOST/realms/default\"\\n' >> \
                     wrangler.toml",
                    table("default")
                ),
            ),
            RealmError::Realm { realm, cause } => {
                let table = table(realm.as_str());
                let mend = match cause {
                    Cause::SameTokens(_) => {
                        format!("edit wrangler.toml: signing_keys in [{table}]")
                    }
                    _ => format!("edit wrangler.toml: [{table}]"),
                };
                (format!("realm {realm}"), cause.to_string(), mend)
            }
            other => (
                "realms".to_owned(),
                other.to_string(),
                format!("edit wrangler.toml: [{}]", configuration.table("vars")),
            ),
        };
        self.fail(&name, detail, mend);
    }

    fn realm(&mut self, configuration: &WranglerToml, realm: &Realm) {
        let (name, issuer) = (format!("realm {}", realm.name), realm.issuer.as_str());
        let table = configuration.table(&format!("vars.REALMS.{}", realm.name));
        let is_remote = self.target.kind == Kind::Remote;
        match issuer.starts_with("https:") {
            false if is_remote && self.target.env.is_none() => self.fail(
                &name,
                format!("{issuer}: no deployed Worker serves http; this is the demo's environment"),
                "cargo run -- setup --remote --env production",
            ),
            false if is_remote => self.fail(
                &name,
                format!("{issuer}: no deployed Worker serves http"),
                format!("edit wrangler.toml: issuer in [{table}]"),
            ),
            true if is_remote && issuer.contains(EXAMPLE) => self.fail(
                &name,
                format!("{issuer} is the example's host, not yours"),
                format!("edit wrangler.toml: issuer in [{table}], and routes"),
            ),
            _ => self.pass(&name, issuer),
        }
    }
}

/// The Node that wrangler needs, as it says itself.
fn needed_node() -> Option<String> {
    let range = package_json("node_modules/wrangler/package.json", &["engines", "node"])?;
    range.strip_prefix(">=").map(str::to_owned)
}

/// A text in a package.json of the project.
fn package_json(path: &str, members: &[&str]) -> Option<String> {
    let text = fs::read_to_string(project().ok()?.join(path)).ok()?;
    let package = serde_json::from_str::<Value>(&text).ok()?;
    let mut found = Some(&package);
    for member in members {
        found = found?.get(member);
    }
    found?.as_str().map(str::to_owned)
}

fn numbers(version: &str) -> Vec<u32> {
    let parts = version.trim().split('.');
    parts.map(|part| part.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert!(numbers("22.9.0") < numbers("22.12.0"));
        assert!(numbers("22.12.0") >= numbers("22.12.0"));
        assert!(numbers("20.19.2") < numbers("22.12.0"));
        assert!(numbers("100.0.0") > numbers("22.12.0"));
    }
}
