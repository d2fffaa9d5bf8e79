//! What the page asks for. What a command does is done by that command, written as an operator would
//! type it: so both take the same, refuse the same and leave the same audit line, and the page can
//! tell how to do it without the page.

use std::sync::PoisonError;

use clap::Parser as _;
use edge_token::dialect::Endpoint;
use edge_token::name::{ClientId, RealmName};
use edge_token::realm::{Realm, RealmError};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::Console;
use crate::check::Url;
use crate::check::attempt::{Attempt, Method};
use crate::realms::Configured;
use crate::target::{Kind, Target};
use crate::{Arguments, Command, Error, audit, check, client, key, operator};

/// The page has asked already.
const SURE: &str = "--yes";

/// How many lines of the audit a page shows at once.
const SOME: usize = 50;

/// How many records one read of wrangler's may have.
const MANY: usize = 100;

#[derive(Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Act {
    /// Where the console acts, and the realms that are configured there.
    Realms {},
    /// The ids of a realm's clients.
    Clients {
        realm: String,
    },
    /// The records of some of them.
    Records {
        realm: String,
        ids: Vec<String>,
    },
    Show(Which),
    Create {
        realm: String,
        client_id: Option<String>,
        name: Option<String>,
        scope: String,
        default_scope: Option<String>,
        auth_method: String,
        audience: Vec<String>,
        access_token_ttl: Option<String>,
    },
    RotateSecret {
        #[serde(flatten)]
        which: Which,
        overlap: String,
    },
    RevokeSecret {
        #[serde(flatten)]
        which: Which,
        secret_id: String,
        force: bool,
    },
    Disable(Which),
    Enable(Which),
    Delete {
        #[serde(flatten)]
        which: Which,
        /// The client's id, typed once more.
        confirmation: String,
    },
    Keys {
        secret: String,
    },
    RotateKey {
        secret: String,
        lead: String,
        lifetime: String,
        force: bool,
    },
    /// A token request, as the client would make it.
    Try {
        realm: String,
        client_id: String,
        client_secret: Zeroizing<String>,
        in_form: bool,
        scope: Option<String>,
        resource: Option<String>,
    },
    Check {
        realm: String,
        client_id: Option<String>,
        client_secret: Option<Zeroizing<String>>,
    },
    /// Lines of the audit, the newest first.
    Audit {
        realm: String,
        skip: usize,
    },
}

#[derive(Deserialize)]
pub(super) struct Which {
    realm: String,
    client_id: String,
}

impl Act {
    /// Does it. wrangler is asked by one act at a time; the service by any number.
    pub(super) fn run(self, console: &Console) -> Result<Value, Error> {
        let target = &console.target;
        let _turn = match &self {
            Self::Realms {} | Self::Try { .. } | Self::Check { .. } => None,
            _ => Some(console.turn.lock().unwrap_or_else(PoisonError::into_inner)),
        };
        if let Some(line) = self.line(target)? {
            let done = run(&line, target)?;
            return Ok(json!({ "command": typed(&line), "result": done }));
        }
        match self {
            Self::Clients { realm } => {
                let prefix = ClientId::record_prefix(&realm_name(&realm)?);
                let keys = target.keys(&prefix)?;
                let ids = keys.iter().filter_map(|key| key.strip_prefix(&prefix));
                Ok(ids.collect())
            }
            Self::Records { realm, ids } => {
                let realm = realm_name(&realm)?;
                let ids = ids.iter().filter_map(|id| ClientId::parse(id)).take(MANY);
                let keys = ids.map(|id| id.record_key(&realm)).collect::<Vec<_>>();
                Ok(client::records(target, &realm, &keys)?.into())
            }
            Self::Audit { realm, skip } => {
                if realm != audit::NO_REALM {
                    realm_name(&realm)?;
                }
                audit::recent(target, &realm, skip, SOME)
            }
            Self::Try {
                realm,
                client_id,
                client_secret,
                in_form,
                scope,
                resource,
            } => {
                let configured = Configured::read(target)?;
                let realm = configured.named(&realm)?;
                let missing = || Error::State("the realm has no such endpoint".into());
                let url = |endpoint| realm.url(endpoint).ok_or_else(missing);
                let attempt = Attempt {
                    token_endpoint: console.reached(&url(Endpoint::Token)?),
                    jwks_uri: console.reached(&url(Endpoint::Jwks)?),
                    iss: [realm.iss().to_owned(), console.reached(realm.iss())],
                    client_id: &client_id,
                    client_secret: &client_secret,
                    method: if in_form { Method::Post } else { Method::Basic },
                    scope: scope.as_deref(),
                    resource: resource.as_deref(),
                };
                attempt.run()
            }
            Self::Check {
                realm,
                client_id,
                client_secret,
            } => {
                let configured = Configured::read(target)?;
                let mut line = console.check(configured.named(&realm)?);
                let command = typed(&line);
                if client_secret
                    .as_ref()
                    .is_some_and(|secret| secret.as_str() == "-")
                {
                    return Err(Error::Argument("`-` is no secret".into()));
                }
                let credentials = [
                    ("client-id", client_id),
                    ("client-secret", client_secret.map(|it| it.to_string())),
                ];
                line.extend(
                    credentials
                        .into_iter()
                        .filter_map(|(name, value)| Some(argument(name, &value?))),
                );
                Ok(json!({ "command": command, "result": run(&line, target)? }))
            }
            Self::Realms {} => realms(console),
            _ => Err(Error::Argument("the page has no such act".into())),
        }
    }

    /// The command that does it, if one does.
    fn line(&self, target: &Target) -> Result<Option<Vec<String>>, Error> {
        let (words, arguments) = match self {
            Self::Show(which) => ("client show", which.arguments()),
            Self::Create {
                realm,
                client_id,
                name,
                scope,
                default_scope,
                auth_method,
                audience,
                access_token_ttl,
            } => {
                let mut arguments = vec![argument("realm", realm)];
                let optional = [
                    ("client-id", client_id),
                    ("name", name),
                    ("default-scope", default_scope),
                    ("access-token-ttl", access_token_ttl),
                ];
                let given =
                    |(name, value): (&str, &Option<String>)| Some(argument(name, value.as_ref()?));
                arguments.extend(optional.into_iter().filter_map(given));
                arguments.extend([
                    argument("scope", scope),
                    argument("auth-method", auth_method),
                ]);
                arguments.extend(audience.iter().map(|one| argument("audience", one)));
                ("client create", arguments)
            }
            Self::RotateSecret { which, overlap } => (
                "client rotate-secret",
                which.with([argument("overlap", overlap)]),
            ),
            Self::RevokeSecret {
                which,
                secret_id,
                force,
            } => {
                let arguments = [argument("secret-id", secret_id), SURE.to_owned()];
                let arguments = arguments.into_iter().chain(forced(*force));
                ("client revoke-secret", which.with(arguments))
            }
            Self::Disable(which) => ("client disable", which.arguments()),
            Self::Enable(which) => ("client enable", which.arguments()),
            Self::Delete {
                which,
                confirmation,
            } if *confirmation == which.client_id => {
                ("client delete", which.with([SURE.to_owned()]))
            }
            Self::Delete { which, .. } => {
                return Err(Error::Argument(format!(
                    "type `{}` to delete the client: nothing was changed",
                    which.client_id
                )));
            }
            Self::Keys { secret } => ("key list", vec![argument("secret", secret)]),
            Self::RotateKey {
                secret,
                lead,
                lifetime,
                force,
            } => {
                let arguments = [("secret", secret), ("lead", lead), ("lifetime", lifetime)];
                let arguments = arguments.map(|(name, value)| argument(name, value));
                (
                    "key rotate",
                    arguments.into_iter().chain(forced(*force)).collect(),
                )
            }
            _ => return Ok(None),
        };
        let mut line = words.split(' ').map(str::to_owned).collect::<Vec<_>>();
        line.extend(arguments);
        line.extend(target.arguments());
        Ok(Some(line))
    }
}

impl Which {
    fn arguments(&self) -> Vec<String> {
        self.with([])
    }

    fn with(&self, more: impl IntoIterator<Item = String>) -> Vec<String> {
        let which = [
            argument("realm", &self.realm),
            argument("client-id", &self.client_id),
        ];
        which.into_iter().chain(more).collect()
    }
}

impl Console {
    /// A URL of the service, as it is reached from here.
    fn reached(&self, url: &str) -> String {
        let moved = Url::parse(url).zip(self.service.as_ref());
        moved.map_or_else(|| url.to_owned(), |(url, service)| url.moved_to(service))
    }

    /// The command that checks a realm. Endpoints are named where its metadata may not be found, or
    /// names them as others reach them.
    fn check(&self, realm: &Realm) -> Vec<String> {
        let mut line = vec!["check".to_owned(), self.reached(realm.issuer.as_str())];
        if self.service.is_some() || realm.iss() != realm.issuer.as_str() {
            let named = [
                ("token-endpoint", Endpoint::Token),
                ("jwks-uri", Endpoint::Jwks),
            ];
            line.extend(named.into_iter().filter_map(|(name, endpoint)| {
                Some(argument(name, &self.reached(&realm.url(endpoint)?)))
            }));
        }
        line
    }
}

/// Where a target is, for people.
pub(super) fn named(target: &Target) -> String {
    let what = match target.kind {
        Kind::Remote => "the deployed Worker",
        _ => "the demo of this machine",
    };
    match target.env.as_deref().filter(|env| !env.is_empty()) {
        Some(env) => format!("{what}, environment `{env}`"),
        None => what.to_owned(),
    }
}

fn realms(console: &Console) -> Result<Value, Error> {
    let target = &console.target;
    let configured = Configured::read(target)?;
    let shown = |realm: Result<&Realm, &RealmError>| {
        let realm = match realm {
            Ok(realm) => realm,
            Err(error) => return json!({ "name": error.realm(), "error": error.to_string() }),
        };
        let url = |endpoint| realm.url(endpoint).map(|url| console.reached(&url));
        json!({
            "name": realm.name.as_str(),
            "dialect": realm.dialect.name,
            "auth_method": realm.dialect.auth_method.name(),
            "issuer": realm.issuer.as_str(),
            "iss": realm.iss(),
            "token_endpoint": url(Endpoint::Token),
            "jwks_uri": url(Endpoint::Jwks),
            "scopes": realm.scopes,
            "access_token_ttl": realm.access_token_ttl,
            "signing_keys": configured.signing_keys(&realm.name),
            "has_people": realm.login_url.is_some(),
        })
    };
    Ok(json!({
        "target": named(target),
        "is_remote": target.kind == Kind::Remote,
        "operator": operator(),
        "realms": configured.all().map(shown).collect::<Vec<_>>(),
    }))
}

fn realm_name(name: &str) -> Result<RealmName, Error> {
    RealmName::parse(name).ok_or_else(|| Error::Argument("the realm's name can be none".into()))
}

/// One word, so that no value is taken for an option.
fn argument(name: &str, value: &str) -> String {
    format!("--{name}={value}")
}

fn forced(force: bool) -> impl Iterator<Item = String> {
    force.then(|| "--force".to_owned()).into_iter()
}

/// Runs a command of the tool.
fn run(line: &[String], target: &Target) -> Result<Value, Error> {
    let words = ["edge-token"]
        .into_iter()
        .chain(line.iter().map(String::as_str));
    let arguments = Arguments::try_parse_from(words).map_err(|error| {
        let text = error.to_string();
        let said = text.split("\n\n").next().unwrap_or_default();
        Error::Argument(said.trim_start_matches("error: ").to_owned())
    })?;
    match arguments.command {
        Command::Client(command) => client::run(command, target),
        Command::Key(command) => key::run(command, target),
        Command::Check(arguments) => Ok(check::examine(arguments, true)?.result),
        _ => Err(Error::Argument("the page has no such command".into())),
    }
}

/// A command as it is typed into a shell.
fn typed(line: &[String]) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.,:/=@".contains(c);
    let words = line.iter().map(|word| match word.chars().all(is_plain) {
        true => word.clone(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    });
    format!("cargo run -- {}", words.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(act: Value) -> Result<Vec<String>, Error> {
        let target = Target {
            kind: Kind::Remote,
            env: Some("production".into()),
            persist_to: None,
        };
        let act = serde_json::from_value::<Act>(act).unwrap();
        act.line(&target).map(Option::unwrap_or_default)
    }

    #[test]
    fn acts_are_the_commands_that_an_operator_types() {
        let base = "cargo run -- client";
        let target = "--remote --env=production";
        for (act, command) in [
            (
                json!({"act": "rotate-secret", "realm": "r", "client_id": "a", "overlap": "24h"}),
                format!("{base} rotate-secret --realm=r --client-id=a --overlap=24h {target}"),
            ),
            (
                json!({"act": "disable", "realm": "r", "client_id": "--print"}),
                format!("{base} disable --realm=r --client-id=--print {target}"),
            ),
            (
                json!({"act": "create", "realm": "r", "client_id": "it's; id", "name": null, "scope": "a b",
                    "default_scope": null, "auth_method": "none", "audience": ["urn:a", "urn:b"],
                    "access_token_ttl": "60"}),
                format!(
                    r"{base} create --realm=r '--client-id=it'\''s; id' --access-token-ttl=60 '--scope=a b' --auth-method=none --audience=urn:a --audience=urn:b {target}"
                ),
            ),
            (
                json!({"act": "revoke-secret", "realm": "r", "client_id": "a", "secret_id": "x", "force": true}),
                format!(
                    "{base} revoke-secret --realm=r --client-id=a --secret-id=x --yes --force {target}"
                ),
            ),
            (
                json!({"act": "delete", "realm": "r", "client_id": "a", "confirmation": "a"}),
                format!("{base} delete --realm=r --client-id=a --yes {target}"),
            ),
        ] {
            let words = line(act).unwrap();
            assert_eq!(typed(&words), command);
            let parsed =
                Arguments::try_parse_from(["edge-token".to_owned()].into_iter().chain(words));
            assert!(parsed.is_ok_and(|parsed| parsed.target.remote), "{command}");
        }
    }

    #[test]
    fn nothing_is_deleted_whose_id_was_not_typed() {
        for typed in ["", "A", "a ", "b"] {
            let act =
                json!({"act": "delete", "realm": "r", "client_id": "a", "confirmation": typed});
            assert!(line(act).is_err(), "{typed}");
        }
    }

    #[test]
    fn acts_are_read_strictly() {
        for act in [
            json!({}),
            json!({"act": "import", "realm": "r"}),
            json!({"act": "realms", "more": 1}),
            json!({"act": "keys"}),
            json!({"act": "audit", "realm": "r", "skip": -1}),
            json!({"act": "audit", "realm": "r", "skip": 0, "more": 1}),
        ] {
            assert!(serde_json::from_value::<Act>(act.clone()).is_err(), "{act}");
        }
    }
}
