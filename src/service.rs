//! The service: a request in, an answer and a line for the log out.

use serde_json::{Value, json};

use crate::client::ClientSecretsKey;
use crate::context::{Audit, Context, FillRandom, Records};
use crate::dialect::{Dialect, Endpoint};
use crate::dpop;
use crate::endpoint::{
    self, authorization, discovery, end_session, failure, introspection, jwks, login, page,
    pushed_authorization, registration, revocation, token, userinfo,
};
use crate::error::{Failure, Fault, Rejection};
use crate::http::{Request, Response};
use crate::realm::{Realm, RealmError, Realms};
use crate::store::Store;
use crate::time::{Seconds, UnixTime};
use crate::uri::is_loopback;

/// The service as it is configured. Made once an isolate.
pub struct Service {
    realms: Realms,
    client_secrets_key: Option<ClientSecretsKey>,
}

/// An answer and what the log should know of it.
pub struct Reply {
    /// For the caller.
    pub response: Response,
    /// For the log: one line of JSON without any secret.
    pub log: Option<Log>,
}

impl Reply {
    /// The answer to a request whose body did not come to its end, in time or at all: its sender is
    /// gone, breaks off, or holds it back.
    #[must_use]
    pub fn without_body(request: &Request<'_>, why: Rejection, now: UnixTime) -> Self {
        let mut reply = reply("none", None, Err(why.into()), now, &Audit::default());
        reply.response.demand_https(request);
        reply
    }
}

/// A line for the log.
#[derive(Debug)]
pub enum Log {
    /// An outcome that is nobody's fault here.
    Info(String),
    /// Something that an operator should do in time.
    Warning(String),
    /// A failure that an operator should see.
    Error(String),
}

impl Service {
    /// Reads the configuration: the variables `REALMS`, `REALMS_2`, … with their JSON text, and
    /// secrets by their name. What is wrong with it is told by each request that meets it.
    #[must_use]
    pub fn new(variables: &[(String, String)], secret: &dyn Fn(&str) -> Option<String>) -> Self {
        Self::with_dialects(variables, secret, &Dialect::ALL)
    }

    /// The same with other dialects than [`Dialect::ALL`], of which the first is the default.
    #[must_use]
    pub fn with_dialects(
        variables: &[(String, String)],
        secret: &dyn Fn(&str) -> Option<String>,
        dialects: &[&'static Dialect],
    ) -> Self {
        Self {
            realms: Realms::parse(variables, secret, dialects),
            client_secrets_key: secret("CLIENT_SECRETS_KEY").and_then(ClientSecretsKey::parse),
        }
    }

    /// Answers a request that was all there `now`.
    pub async fn respond<S: Store>(
        &self,
        request: &Request<'_>,
        now: UnixTime,
        fill_random: FillRandom<'_>,
        store: &S,
    ) -> Reply {
        let client_secrets_key = self.client_secrets_key.as_ref();
        let mut audit = Audit::default();
        audit.note_ray(request.ray);
        let mut context = Context {
            now,
            fill_random,
            store,
            client_address: request.client_address,
            client_secrets_key,
            not_before: None,
            records: Records::default(),
            is_counted: false,
            audit,
        };
        let mut reply = self.reply(request, &mut context).await;
        if request.method == "HEAD" {
            reply.response.body.clear();
        }
        reply.response.demand_https(request);
        reply
    }

    /// What an operator should know of the realms' keys: those that near their end without a newer
    /// one, and realms that have none, or are wrong.
    #[must_use]
    pub fn key_warnings(&self, now: UnixTime) -> Vec<Log> {
        let mut warnings = Vec::new();
        for realm in self.realms.all() {
            let told = match realm {
                Err(error) => Some((true, error.to_string(), error.realm())),
                Ok(realm) => key_warning(realm, now)
                    .map(|(is_error, text)| (is_error, text, Some(realm.name.as_str()))),
            };
            let Some((is_error, reason, realm)) = told else {
                continue;
            };
            let line = json!({
                "version": LOG_VERSION,
                "time": now.seconds(),
                "level": if is_error { "error" } else { "warning" },
                "event": "keys",
                "realm": realm,
                "reason": reason,
            });
            warnings.push(match is_error {
                true => Log::Error(line.to_string()),
                false => Log::Warning(line.to_string()),
            });
        }
        warnings
    }

    async fn reply<S: Store>(&self, request: &Request<'_>, context: &mut Context<'_, S>) -> Reply {
        let now = context.now;
        if request.path == "/health" {
            return reply(
                "health",
                None,
                self.health(request, now),
                now,
                &context.audit,
            );
        }
        let Some((endpoint, realm)) = self.realms.at(request.authority, request.path) else {
            return reply("none", None, self.elsewhere(request), now, &context.audit);
        };
        let realm = match realm {
            Ok(realm) => realm,
            Err(error) => return unserved(request, endpoint, error, now, &context.audit),
        };
        let endpoint = match endpoint {
            Endpoint::EndSession if end_session::is_by_client(request) => {
                Endpoint::EndSessionByClient
            }
            endpoint => endpoint,
        };
        context.audit.realm = Some(realm.name.to_string());
        let is_document = endpoint.is_document();
        let is_for_scripts = endpoint.is_for_scripts() && !realm.allowed_origins.is_empty();
        let has_preflight = is_document || is_for_scripts;
        let result = match endpoint {
            _ if request.has_large_header() => Err(Rejection::HeaderTooLarge.into()),
            _ if !is_document && is_readable_on_its_way(request, realm) => {
                Err(Rejection::PlainHttp.into())
            }
            _ if has_preflight && request.method == "OPTIONS" => {
                Ok(Response::preflight(request, endpoint))
            }
            _ if !realm.issuer.may_be_served_at(request.authority) => {
                Err(insecure_issuer(realm).into())
            }
            _ if !endpoint.has(request.method) => {
                let allow = match has_preflight {
                    true => endpoint.methods_with_options(),
                    false => endpoint.methods(),
                };
                Err(Rejection::MethodNotAllowed { allow }.into())
            }
            endpoint => decided(request, realm, endpoint, context).await,
        };
        // Its next request can then have a nonce at once (RFC 9449 §8).
        let wants_proof = matches!(&result, Err(Failure::Rejection(Rejection::Proof(_))));
        let at = Some((Some(realm), endpoint));
        let mut reply = reply(endpoint.name(), at, result, now, &context.audit);
        if wants_proof || request.dpop.is_some() && endpoint.takes_proofs() {
            let nonce = dpop::nonce(realm, now).map(|nonce| ("dpop-nonce", nonce.into()));
            reply.response.headers.extend(nonce);
        }
        if is_document {
            reply.response.allow_every_origin();
        } else if is_for_scripts {
            reply.response.allow_origin(request, &realm.allowed_origins);
        }
        reply
    }

    /// The answer where no realm is.
    fn elsewhere(&self, request: &Request<'_>) -> Result<Response, Failure> {
        match self.realms.unknown() {
            Some(error) => Err(Fault::from(error.clone()).into()),
            None if request.path == "/" => root(request),
            None => Err(Rejection::UnknownPath.into()),
        }
    }

    /// Whether every realm is configured and has a key to sign with. Storage is not asked.
    fn health(&self, request: &Request<'_>, now: UnixTime) -> Result<Response, Failure> {
        if !matches!(request.method, "GET" | "HEAD") {
            return Err(Rejection::MethodNotAllowed { allow: "GET, HEAD" }.into());
        }
        for realm in self.realms.all() {
            let realm = realm.map_err(|error| Fault::from(error.clone()))?;
            if !realm.issuer.may_be_served_at(request.authority) {
                return Err(insecure_issuer(realm).into());
            }
            realm.signing_key(now, realm.access_token_ttl)?;
        }
        Ok(Response::not_stored(200, r#"{"status":"ok"}"#.to_owned()))
    }
}

/// What is at the root of a host where no realm has it.
fn root(request: &Request<'_>) -> Result<Response, Failure> {
    match request.method {
        "GET" | "HEAD" => Ok(page::welcome()),
        _ => Err(Rejection::MethodNotAllowed { allow: "GET, HEAD" }.into()),
    }
}

/// Answers at an endpoint. No cached record refuses: when one would, and storage has another by now,
/// the request is decided again, until every record that decided it is as it is stored.
async fn decided<S: Store>(
    request: &Request<'_>,
    realm: &Realm,
    endpoint: Endpoint,
    context: &mut Context<'_, S>,
) -> Result<Response, Failure> {
    let now = context.now;
    loop {
        let result = match endpoint {
            Endpoint::Token => token::respond(request, realm, context).await,
            Endpoint::Jwks => jwks::respond(request, realm, now),
            Endpoint::Discovery => discovery::respond(request, realm),
            Endpoint::Realm => endpoint::keycloak_realm::respond(request, realm, context).await,
            Endpoint::Authorization => authorization::respond(request, realm, context).await,
            Endpoint::PushedAuthorization => {
                pushed_authorization::respond(request, realm, context).await
            }
            Endpoint::Ticket => login::ticket(request, realm, context).await,
            Endpoint::Accept => login::accept(request, realm, context).await,
            Endpoint::Reject => login::reject(request, realm, context).await,
            Endpoint::Resume => login::resume(request, realm, context).await,
            Endpoint::Userinfo => userinfo::respond(request, realm, context).await,
            Endpoint::EndSession => end_session::respond(request, realm, context).await,
            Endpoint::EndSessionByClient => end_session::by_client(request, realm, context).await,
            Endpoint::SignOutTicket => end_session::ticket(request, realm, context).await,
            Endpoint::SignedOut => Ok(end_session::signed_out()),
            Endpoint::Introspection => introspection::respond(request, realm, context).await,
            Endpoint::Revocation => revocation::respond(request, realm, context).await,
            Endpoint::Registration => registration::respond(request, realm, context).await,
        };
        if !context.is_refused_by_cache(&result) || !context.renew_records(realm).await? {
            return match result {
                Err(Failure::Rejection(why @ Rejection::NoAuthorizationClient(_))) => {
                    Err(authorization::count_guess(why, context).await.into())
                }
                result => result,
            };
        }
    }
}

/// The version of the lines of the log: another when a member goes, or means something else, but not
/// when one is added. docs/observe.md has them all.
const LOG_VERSION: u8 = 1;

/// How long before the end of its newest key a realm is warned of.
const KEY_WARNING: Seconds = Seconds(30 * 24 * 60 * 60);

/// What is to be said of a realm's keys, and whether it is already too late.
fn key_warning(realm: &Realm, now: UnixTime) -> Option<(bool, String)> {
    if let Err(fault) = realm.signing_key(now, realm.access_token_ttl) {
        return Some((true, fault.to_string()));
    }
    let newest = realm.keys.iter().last()?;
    let end = newest.expiration();
    let last = end.minus(realm.access_token_ttl);
    if let Some(gap) = key_gap(realm, now).filter(|gap| *gap <= last) {
        let left = gap.since(now).0.div_euclid(24 * 60 * 60);
        let text = format!(
            "no key signs from {gap}, in {left} days, until a newer one begins: the tool's `key \
             list` shows when"
        );
        return Some((false, text));
    }
    (end <= now.plus(KEY_WARNING)).then(|| {
        let (kid, left) = (newest.kid().as_str(), end.since(now).0);
        let text = format!(
            "its newest key {kid} ends at {end}, in {} days: the tool's `key rotate` adds one",
            left.div_euclid(24 * 60 * 60)
        );
        (false, text)
    })
}

/// When in the coming time of warning no key of the realm begins to sign, if ever.
fn key_gap(realm: &Realm, now: UnixTime) -> Option<UnixTime> {
    let lifetime = realm.access_token_ttl;
    let changes = realm.keys.iter().flat_map(|key| {
        let last = key.expiration().minus(lifetime);
        [key.not_before(), last.plus(Seconds(1))]
    });
    changes
        .filter(|moment| now < *moment && *moment <= now.plus(KEY_WARNING))
        .filter(|moment| realm.keys.signing(*moment, lifetime).is_none())
        .min()
}

fn insecure_issuer(realm: &Realm) -> Fault {
    let realm = realm.name.to_string();
    Fault::InsecureIssuer { realm }
}

/// Whether others on its way can read what a realm on the network is asked (RFC 6749 §1.6, §3.2): by
/// plain http, and not on the machine itself.
fn is_readable_on_its_way(request: &Request<'_>, realm: &Realm) -> bool {
    request.by_plain_http && realm.issuer.is_https() && !is_loopback(request.authority)
}

/// The answer at an endpoint of a realm that is not served.
fn unserved(
    request: &Request<'_>,
    endpoint: Endpoint,
    error: &RealmError,
    now: UnixTime,
    audit: &Audit,
) -> Reply {
    let is_document = endpoint.is_document();
    let result = match request.method {
        "OPTIONS" if is_document => Ok(Response::preflight(request, endpoint)),
        _ => Err(Fault::from(error.clone()).into()),
    };
    let mut reply = reply("none", Some((None, endpoint)), result, now, audit);
    if is_document {
        reply.response.allow_every_origin();
    }
    reply
}

/// Turns a result into the answer and its line in the log: one for everything that was issued, done
/// or refused at an endpoint of a realm, but for its documents, and one for every fault anywhere.
fn reply(
    name: &'static str,
    at: Option<(Option<&Realm>, Endpoint)>,
    result: Result<Response, Failure>,
    now: UnixTime,
    audit: &Audit,
) -> Reply {
    let (realm, endpoint) = at.unzip();
    let realm = realm.flatten();
    let info = match audit.is_warning() {
        true => "warning",
        false => "info",
    };
    let (response, level, outcome, reason) = match result {
        Ok(response) => {
            let outcome = audit.done.unwrap_or("issued");
            (response, info, outcome, audit.refused.clone())
        }
        Err(failure) => {
            let (level, outcome) = match failure {
                Failure::Rejection(_) => (info, "rejected"),
                Failure::Fault(_) => ("error", "failed"),
            };
            let response = match endpoint.is_some_and(Endpoint::is_for_browsers) {
                true => page::failure(&failure, realm, audit.ray_id.as_deref()),
                false => failure::response(&failure, realm),
            };
            let mut reason = failure.to_string();
            if let Some(refused) = &audit.refused {
                reason = format!("{reason}: {refused}");
            }
            (response, level, outcome, Some(reason))
        }
    };
    let is_logged = match outcome {
        "issued" => audit.jti.is_some(),
        "rejected" => endpoint.is_some_and(|endpoint| !endpoint.is_document()),
        _ => true,
    };
    let text = is_logged.then(|| {
        let head = [
            ("level", Some(level)),
            ("endpoint", Some(name)),
            ("outcome", Some(outcome)),
            ("reason", reason.as_deref()),
        ];
        let mut line = format!(
            r#"{{"version":{LOG_VERSION},"time":{now},"status":{}"#,
            response.status
        );
        for (name, text) in head.into_iter().chain(audit.members()) {
            if let Some(text) = text {
                line += &format!(r#","{name}":{}"#, Value::from(text));
            }
        }
        if let Some(Seconds(age)) = audit.record_age {
            line += &format!(r#","record_age":{age}"#);
        }
        line + "}"
    });
    Reply {
        response,
        log: text.map(match level {
            "error" => Log::Error,
            "warning" => Log::Warning,
            _ => Log::Info,
        }),
    }
}
