//! `setup`: what a set-up lacks, and the command that mends it. It changes nothing.
//!
//! Each row stands for one thing that an operator sets up; what depends on one that is missing is
//! left out, so that each fault has one row.

use std::fs;
use std::process::ExitCode;

use edge_token::client::ClientSecretsKey;
use edge_token::dialect::Dialect;
use edge_token::jose::SigningKeys;
use edge_token::realm::{Cause, Realm, RealmError, Realms};
use edge_token::time::{Seconds, UnixTime};
use serde::Serialize;
use serde_json::{Value, json};

use crate::client::record_needs_key;
use crate::key::{NOTICE, Standing, standing};
use crate::moment::date_and_distance;
use crate::output::{View, is_for_people, printable};
use crate::target::{Kind, LOCAL_SECRETS, Target, is_of_a_stranger, local_secrets, project};
use crate::wrangler_toml::{WranglerToml, made_up_jwk_set, signing_keys};
use crate::{Error, now, output};

/// The host of the example in wrangler.toml, which is nobody's.
const EXAMPLE: &str = "//auth.example.com/";

#[derive(Serialize)]
struct Row {
    name: String,
    result: Outcome,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

#[derive(Clone, Copy, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Pass,
    /// Allowed, and perhaps not what is wanted.
    Remark,
    Fail,
    /// It cannot be known here.
    Unknown,
}

/// What is looked at, and what was found so far.
struct Setup<'a> {
    target: &'a Target,
    now: UnixTime,
    rows: Vec<Row>,
}

/// Some realms' keys: the secrets that hold them, and how long their tokens live.
struct Keys {
    secrets: Vec<String>,
    token_lifetime: Seconds,
}

/// Looks at everything, prints what it found, and tells by the status whether all is well.
pub(crate) fn run(target: &Target, json: bool) -> Result<ExitCode, Error> {
    target.not_print()?;
    project()?;
    let mut setup = Setup {
        target,
        now: now(),
        rows: Vec::new(),
    };
    setup.look();
    let rows = setup.rows;
    let count = |outcome| rows.iter().filter(|row| row.result == outcome).count();
    let failed = count(Outcome::Fail);
    if !json && is_for_people() {
        output::write(for_people(&rows).as_bytes())?;
    } else {
        let result = json!({
            "checks": rows, "passed": count(Outcome::Pass), "remarks": count(Outcome::Remark),
            "failed": failed, "unknown": count(Outcome::Unknown),
        });
        output::print(&result, View::Json, json)?;
    }
    Ok(match failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

/// The rows for people: commands on lines of their own, to be copied.
fn for_people(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.name.chars().count()).max();
    let width = width.unwrap_or(0);
    let mut text = String::new();
    for Row {
        name,
        result,
        detail,
        mend,
    } in rows
    {
        let word = match result {
            Outcome::Pass => "pass   ",
            Outcome::Remark => "remark ",
            Outcome::Fail => "FAIL   ",
            Outcome::Unknown => "unknown",
        };
        text.push_str(&format!(
            "{word}  {:width$}  {}\n",
            printable(name),
            printable(detail)
        ));
        if let Some(mend) = mend {
            text.push_str(&format!("         mend it: {}\n", printable(mend)));
        }
    }
    text.push_str(match rows.iter().any(|row| row.result == Outcome::Fail) {
        true => "\nMend the first fault first: others may come of it.\n",
        false => "\nNothing is missing.\n",
    });
    text
}

impl Setup<'_> {
    fn add(
        &mut self,
        name: &str,
        result: Outcome,
        detail: impl Into<String>,
        mend: Option<String>,
    ) {
        self.rows.push(Row {
            name: name.to_owned(),
            result,
            detail: detail.into(),
            mend,
        });
    }

    fn pass(&mut self, name: &str, detail: impl Into<String>) {
        self.add(name, Outcome::Pass, detail, None);
    }

    fn fail(&mut self, name: &str, detail: impl Into<String>, mend: impl Into<String>) {
        self.add(name, Outcome::Fail, detail, Some(mend.into()));
    }

    fn look(&mut self) {
        let has_wrangler = self.node() && self.wrangler();
        let Some(configuration) = self.environment() else {
            return;
        };
        self.bindings(&configuration);
        let keys = self.realms(&configuration);
        if !has_wrangler {
            return;
        }
        match self.target.kind {
            Kind::Remote => self.deployed(&keys),
            _ => self.local(&keys),
        }
    }

    fn node(&mut self) -> bool {
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

    fn wrangler(&mut self) -> bool {
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
    fn environment(&mut self) -> Option<WranglerToml> {
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

    fn bindings(&mut self, configuration: &WranglerToml) {
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
    fn realms(&mut self, configuration: &WranglerToml) -> Vec<Keys> {
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

    /// Namespace and secrets of this machine.
    fn local(&mut self, all: &[Keys]) {
        let secrets = match local_secrets() {
            Ok(secrets) => secrets,
            Err(error) => return self.fail("secrets", error.to_string(), "make run"),
        };
        let named = |name: &str| {
            let found = secrets.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.to_string())
        };
        for keys in all {
            self.local_keys(keys, &named);
        }
        let key = named("CLIENT_SECRETS_KEY");
        let mend = format!(
            "printf \"CLIENT_SECRETS_KEY='%s'\\n\" \"$(cat client-secrets-key)\" >> {LOCAL_SECRETS}"
        );
        let usable = key.map(|key| ClientSecretsKey::parse(key).is_some());
        self.client_secrets_key(usable, "in the demo's secrets", mend);
    }

    fn local_keys(&mut self, keys: &Keys, secret: &dyn Fn(&str) -> Option<String>) {
        let mut usable = SigningKeys::default();
        let (name, first) = (keys.name(), keys.first());
        let mut is_there = false;
        for one in &keys.secrets {
            let Some(value) = secret(one) else { continue };
            is_there = true;
            if let Err(error) = usable.add(&value) {
                let mend = self.command(&format!("key generate --force{}", option(one)));
                return self.fail(&name, format!("secret {one}: {error}"), mend);
            }
        }
        if !is_there {
            let mend = self.command(&format!("key generate{}", option(first)));
            return self.fail(&name, "there is no signing key", mend);
        }
        let lifetime = keys.token_lifetime;
        if usable.signing(self.now, lifetime).is_none() {
            return self.no_key_signs(keys);
        }
        let newest = usable.iter().last();
        let last = newest.map(|key| key.expiration().minus(lifetime));
        self.signs_until(keys, last.unwrap_or(self.now));
    }

    fn no_key_signs(&mut self, keys: &Keys) {
        let rotate = format!("key rotate --lead 0 --force{}", option(keys.first()));
        let mend = self.command(&rotate);
        self.fail(
            &keys.name(),
            "no key signs now: it has ended, or not begun",
            mend,
        );
    }

    fn signs_until(&mut self, keys: &Keys, last: UnixTime) {
        let moment = date_and_distance(last, self.now);
        match last < self.now.plus(NOTICE) {
            true => {
                let mend = self.command(&format!("key rotate{}", option(keys.first())));
                let detail = format!("the newest key signs its last token at {moment}");
                self.fail(&keys.name(), detail, mend);
            }
            false => self.pass(&keys.name(), format!("the newest key signs until {moment}")),
        }
    }

    /// Namespace and secrets of the account.
    fn deployed(&mut self, all: &[Keys]) {
        let existing = match self.target.secret_names() {
            Ok(existing) => existing,
            Err(error) => return self.unreachable("the Worker's secrets", &error),
        };
        for keys in all {
            let (name, first) = (keys.name(), keys.first());
            if !keys.secrets.iter().any(|secret| existing.contains(secret)) {
                let mend = self.command(&format!("key generate{}", option(first)));
                self.fail(&name, "there is no signing key", mend);
                continue;
            }
            match standing(self.target, first, &existing, keys.token_lifetime, self.now) {
                Err(error @ Error::Wrangler(_)) => {
                    return self.unreachable("the namespace", &error);
                }
                Err(error) => {
                    let mend = self.command(&format!("key list{}", option(first)));
                    self.fail(&name, error.to_string(), mend);
                }
                Ok(Standing::Unknown) => self.add(
                    &name,
                    Outcome::Unknown,
                    "the secret is there, but nothing is written down of its keys, as when it was \
                     uploaded by hand; /health tells whether it is usable",
                    None,
                ),
                Ok(Standing::Unsettled) => {
                    let mend = self.command(&format!("key list{}", option(first)));
                    self.fail(
                        &name,
                        "a write did not finish; `key list` says what to do",
                        mend,
                    );
                }
                Ok(Standing::NoKeySigns) => self.no_key_signs(keys),
                Ok(Standing::Until(last)) => self.signs_until(keys, last),
            }
        }
        let usable = existing.iter().any(|name| name == "CLIENT_SECRETS_KEY");
        let mend = format!(
            "npx wrangler secret put CLIENT_SECRETS_KEY{} < client-secrets-key",
            self.env()
        );
        let where_it_is = "among the Worker's secrets; nobody can see which it is";
        self.client_secrets_key(usable.then_some(true), where_it_is, mend);
    }

    /// What is beyond an account that cannot be reached is not known.
    fn unreachable(&mut self, what: &str, error: &Error) {
        let said = error.to_string();
        let (detail, mend) = match is_of_a_stranger(&said) {
            true => (
                "wrangler is not logged in".to_owned(),
                "npx wrangler login".to_owned(),
            ),
            false => (
                format!("{what} cannot be read: {said}"),
                format!("npx wrangler deploy{}", self.env()),
            ),
        };
        self.fail("account", detail, mend);
        let detail = "cannot be known without the account";
        self.add("secrets, clients", Outcome::Unknown, detail, None);
    }

    /// Whether the key of imported secrets is there, or else whether any client needs it.
    fn client_secrets_key(&mut self, usable: Option<bool>, where_it_is: &str, mend: String) {
        const NAME: &str = "CLIENT_SECRETS_KEY";
        if usable == Some(true) {
            return self.pass(NAME, where_it_is);
        }
        let records = self.target.keys("client/");
        let records = records.and_then(|keys| self.target.values(&keys));
        let records = match records {
            Ok(records) => records,
            Err(error) if self.target.kind == Kind::Remote => {
                return self.unreachable("the namespace", &error);
            }
            Err(error) => return self.fail("namespace", error.to_string(), "make run"),
        };
        let need = records
            .iter()
            .filter(|(key, value)| record_needs_key(key, value));
        let (need, all) = (need.count(), records.len());
        let what = match usable {
            None => "is missing",
            Some(_) => "is shorter than 32 octets",
        };
        match need {
            0 => self.pass(NAME, format!("{what}, and none of {all} clients needs it")),
            _ => self.fail(
                NAME,
                format!(
                    "{what}, and {need} of {all} clients have a secret that was chosen elsewhere, which \
                     is good under the key alone that it was imported with"
                ),
                mend,
            ),
        }
    }

    /// A command of this tool on the same target.
    fn command(&self, words: &str) -> String {
        let mut command = format!("cargo run -- {words}");
        if self.target.kind == Kind::Remote {
            command.push_str(" --remote");
        }
        command.push_str(&self.env());
        if let Some(folder) = &self.target.persist_to {
            command.push_str(&format!(" --persist-to {}", quoted(folder)));
        }
        command
    }

    fn env(&self) -> String {
        let env = self.target.env.as_ref();
        env.map_or(String::new(), |env| format!(" --env {}", quoted(env)))
    }
}

impl Keys {
    fn name(&self) -> String {
        format!("signing keys in {}", self.first())
    }

    fn first(&self) -> &str {
        self.secrets.first().map_or("SIGNING_KEYS", String::as_str)
    }
}

/// The option that names a secret, unless it is the default one.
fn option(secret: &str) -> String {
    match secret {
        "SIGNING_KEYS" => String::new(),
        other => format!(" --secret {}", quoted(other)),
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
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
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert!(numbers("22.9.0") < numbers("22.12.0"));
        assert!(numbers("22.12.0") >= numbers("22.12.0"));
        assert!(numbers("20.19.2") < numbers("22.12.0"));
        assert!(numbers("100.0.0") > numbers("22.12.0"));
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        for (word, quoted) in [
            ("production", "production"),
            ("/tmp/a b", "'/tmp/a b'"),
            ("it's", r"'it'\''s'"),
            ("$(x)", "'$(x)'"),
            ("", "''"),
        ] {
            assert_eq!(super::quoted(word), quoted);
        }
    }
}
