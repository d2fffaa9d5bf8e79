//! `check`: asks a live deployment what anybody may ask, and judges the answers by their RFCs.
//!
//! Nothing of the core is trusted here: what is judged is what came over the network. Credentials
//! go only to a token endpoint on the issuer's own origin or one that the operator names, and only
//! where nobody on the way can read them.

mod after;
#[cfg(feature = "console")]
pub(crate) mod attempt;
mod claims;
mod documents;
mod errors;
pub(crate) mod http;
mod jwks;
pub(crate) mod jwt;
mod metadata;
mod places;
pub(crate) mod refusals;
mod report;
pub(crate) mod token;
mod transport;
mod url;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::check::after::After;
use crate::check::claims::AccessToken;
use crate::check::documents::Document;
use crate::check::http::{Asked, Client};
use crate::check::jwks::Keys;
use crate::check::metadata::Metadata;
use crate::check::places::Places;
use crate::check::refusals::TokenEndpoint;
use crate::check::report::{Objection, Report, Verdict, fail, skip, warn};
use crate::check::token::{Credentials, Issued, Wanted};
pub(crate) use crate::check::url::Url;
use crate::output::View;
use crate::{Error, client, output, random};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The realm's issuer, or the origin of a deployment with a realm `default`
    #[arg(value_parser = url, value_name = "URL")]
    url: Url,
    /// A client with the grant client_credentials [default: EDGE_TOKEN_CLIENT_ID of the environment]
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    client_id: Option<String>,
    /// Its secret; `-` reads it from standard input [default: EDGE_TOKEN_CLIENT_SECRET of the
    /// environment]
    #[arg(long, value_name = "SECRET", allow_hyphen_values = true)]
    client_secret: Option<String>,
    /// The scope to ask for [default: the client's]
    #[arg(long, value_name = "SCOPE")]
    scope: Option<String>,
    /// The token endpoint, if the metadata does not name it
    #[arg(long, value_parser = url, value_name = "URL")]
    token_endpoint: Option<Url>,
    /// The JWK Set, if the metadata does not name it
    #[arg(long, value_parser = url, value_name = "URL")]
    jwks_uri: Option<Url>,
}

fn url(text: &str) -> Result<Url, &'static str> {
    Url::parse(text).ok_or("an https or http URL without user, query and fragment")
}

/// Runs the whole battery, prints what it found, and tells by the status whether nothing failed.
pub(crate) fn run(arguments: Arguments, json: bool) -> Result<ExitCode, Error> {
    let Examined {
        report,
        result,
        asked,
    } = examine(arguments, json)?;
    if !json {
        report.print(asked);
    }
    if json || !output::is_for_people() {
        output::print(&result, View::Json, json)?;
    }
    Ok(match report.has_failed() {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}

/// What was found.
pub(crate) struct Examined {
    report: Report,
    /// The same for programs.
    pub(crate) result: Value,
    /// How many requests were made.
    asked: usize,
}

/// Runs the whole battery; with `quiet`, nothing is told meanwhile.
pub(crate) fn examine(arguments: Arguments, quiet: bool) -> Result<Examined, Error> {
    let credentials = credentials(arguments.client_id, arguments.client_secret)?;
    let secret = credentials.as_ref().map(|it| it.client_secret.clone());
    let mut battery = Battery {
        client: Client::new(&arguments.url, !quiet)?,
        marker: URL_SAFE_NO_PAD.encode(random::<18>()?),
        report: Report::new(secret),
    };
    if !quiet && !std::io::stderr().is_terminal() {
        eprintln!("Asking {} …", arguments.url.as_str());
    }
    let issuer = battery.issuer(&arguments.url);
    let named = Named {
        token_endpoint: arguments.token_endpoint,
        jwks_uri: arguments.jwks_uri,
        scope: arguments.scope,
    };
    battery.run(&issuer, &named, credentials.as_ref())?;
    let Battery { client, report, .. } = battery;
    let asked = client.asked();
    drop(client);
    Ok(Examined {
        result: report.to_json(arguments.url.as_str(), issuer.as_str()),
        report,
        asked,
    })
}

/// The credentials of the command line, else those of the environment.
fn credentials(id: Option<String>, secret: Option<String>) -> Result<Option<Credentials>, Error> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let id = id.or_else(|| variable("EDGE_TOKEN_CLIENT_ID"));
    let secret = secret.or_else(|| variable("EDGE_TOKEN_CLIENT_SECRET"));
    match (id, secret) {
        (None, None) => Ok(None),
        (Some(client_id), Some(secret)) => Ok(Some(Credentials {
            client_id,
            client_secret: Zeroizing::new(client::secret::given_secret(secret)?),
        })),
        _ => Err(Error::Argument(
            "--client-id and --client-secret go together".into(),
        )),
    }
}

/// What the operator says of the deployment.
struct Named {
    token_endpoint: Option<Url>,
    jwks_uri: Option<Url>,
    scope: Option<String>,
}

struct Battery {
    client: Client,
    /// Random text, by which echoes are found.
    marker: String,
    report: Report,
}

impl Battery {
    /// The issuer that a URL means: at the root there may be a copy of a realm's metadata, which
    /// names it. One on another origin is not believed (RFC 8414 §3.3).
    fn issuer(&self, url: &Url) -> Url {
        if !matches!(url.path(), "" | "/") {
            return url.clone();
        }
        let root = format!("{}/.well-known/openid-configuration", url.origin());
        let members = metadata::object(&self.client.get(&root)).unwrap_or_default();
        metadata::text(&members, "issuer")
            .and_then(Url::parse)
            .filter(|issuer| issuer.origin() == url.origin())
            .unwrap_or_else(|| url.clone())
    }

    fn run(
        &mut self,
        issuer: &Url,
        named: &Named,
        credentials: Option<&Credentials>,
    ) -> Result<(), Error> {
        let places = Places::ask(&self.client, issuer);
        self.transport(issuer, &places)?;
        let may_be_none = named.token_endpoint.is_some() || named.jwks_uri.is_some();
        places.report(&mut self.report, may_be_none);
        let metadata = places.metadata();
        self.metadata(metadata.as_ref());
        let told = |name: &str| Url::parse(metadata::text(&metadata.as_ref()?.members, name)?);
        let jwks_uri = named.jwks_uri.clone().or_else(|| told("jwks_uri"));
        let keys = self.jwks(jwks_uri.as_ref());
        let unknown = format!("{}/{}", issuer.as_str().trim_end_matches('/'), self.marker);
        errors::path(&self.client, &unknown, &mut self.report);
        let is_named = named.token_endpoint.is_some();
        let token_endpoint = named
            .token_endpoint
            .clone()
            .or_else(|| told("token_endpoint"));
        let Some(token_endpoint) = token_endpoint else {
            self.report.add(
                "token endpoint",
                "RFC 6749 §3.2",
                skip("no metadata names it: name it with --token-endpoint"),
            );
            return Ok(());
        };
        let methods = "token_endpoint_auth_methods_supported";
        let methods = metadata
            .as_ref()
            .and_then(|metadata| metadata.members.get(methods));
        let methods = methods.and_then(|methods| methods.as_array());
        let endpoint = TokenEndpoint {
            url: token_endpoint.as_str(),
            marker: &self.marker,
            takes_assertions: methods
                .is_some_and(|methods| methods.iter().any(|method| method == "private_key_jwt")),
        };
        errors::report(&self.client, &endpoint, &mut self.report);
        let plain = transport::plain_http(&self.client, &token_endpoint);
        self.report
            .add("token endpoint: plain http", "RFC 6749 §3.2", plain);
        let may_be_told = match credentials {
            None => skip("no credentials: give --client-id and --client-secret"),
            Some(_) if !token_endpoint.is_private() => {
                skip("credentials are not sent over http, but on loopback")
            }
            Some(_) if !is_named && token_endpoint.origin() != issuer.origin() => {
                skip("another origin is not told credentials: name it with --token-endpoint")
            }
            Some(credentials) => Ok(credentials),
        };
        let issued = may_be_told.and_then(|credentials| {
            let wanted = Wanted {
                token_endpoint: token_endpoint.as_str(),
                credentials,
                scope: named.scope.as_deref(),
                marker: &self.marker,
            };
            wanted.issue(&self.client)
        });
        let status = issued.as_ref().map(Issued::method).map_err(Clone::clone);
        self.report.add("token: status", "RFC 6749 §5.1", status);
        let issued = issued.map_err(|objection| match objection {
            Objection::Skip(_) => objection,
            _ => Objection::Skip("no token was issued".into()),
        });
        self.report.judge("token", &token::ROWS, issued.as_ref());
        let endpoint = |name| told(name).filter(|url| url.origin() == issuer.origin());
        let endpoints = ["introspection_endpoint", "revocation_endpoint"].map(endpoint);
        let after = issued.as_ref().map_err(Clone::clone);
        let after = after.and_then(|issued| {
            let credentials = credentials.ok_or(Objection::Skip("no credentials".into()))?;
            let endpoints = endpoints.each_ref().map(Option::as_ref);
            After::ask(&self.client, issued, credentials, &self.marker, endpoints)
        });
        self.report
            .judge("introspection", &after::INTROSPECTION, after.as_ref());
        self.report
            .judge("revocation", &after::REVOCATION, after.as_ref());
        let access_token = issued
            .and_then(|issued| AccessToken::read(issued, keys.ok(), issuer, metadata.is_some()));
        self.report
            .judge("access token", &claims::ROWS, access_token.as_ref());
        Ok(())
    }

    /// Reports what any answer tells; an error if there is none at all.
    fn transport(&mut self, issuer: &Url, places: &Places) -> Result<(), Error> {
        let [first, second] = places.answers();
        let answer = match (first, second) {
            (Ok(answer), _) | (_, Ok(answer)) => answer,
            (Err(Objection::Fail(why)), _) => {
                return Err(Error::State(format!(
                    "{} cannot be checked, {why}. Is it the right URL, and served?",
                    issuer.as_str()
                )));
            }
            (Err(_), _) => {
                return Err(Error::State(
                    "requests are limited there: try again later".into(),
                ));
            }
        };
        let https = match (issuer.is_https(), issuer.is_private()) {
            (true, _) => Ok("https".into()),
            (_, true) => Ok("http, but on loopback".into()),
            _ => fail("http: everybody on the way reads secrets and tokens"),
        };
        self.report.add("transport: https", "RFC 6749 §3.2", https);
        let hsts = transport::hsts(issuer, answer);
        self.report.add("transport: HSTS", "RFC 6797 §6.1", hsts);
        let date = match answer.date() {
            None if !issuer.is_https() => skip("there is none, as with the local runtime"),
            date => claims::clock(answer.received, date),
        };
        self.report.add("transport: Date", "RFC 9110 §6.6.1", date);
        let health = self.client.get(&format!("{}/health", issuer.origin()));
        self.report.add("health", "practice", judge_health(&health));
        Ok(())
    }

    fn metadata(&mut self, metadata: Option<&Metadata>) {
        let none = Objection::Skip("there is no metadata".into());
        let metadata = metadata.ok_or(none);
        self.report
            .judge("metadata", &metadata::ROWS, metadata.as_ref().copied());
        let document = metadata.map(|of| Document::ask(&self.client, &of.url, of.answer.clone()));
        self.report
            .judge("metadata", &documents::ROWS, document.as_ref());
    }

    fn jwks(&mut self, uri: Option<&Url>) -> Result<Keys, Objection> {
        let none = Objection::Skip("no metadata names it: name it with --jwks-uri".into());
        let uri = uri.ok_or(none);
        let got = uri.clone().and_then(|uri| self.client.get(uri.as_str()));
        let keys = Keys::read(&got);
        self.report.judge("JWKS", &jwks::ROWS, keys.as_ref());
        let document = uri.and_then(|uri| Ok(Document::ask(&self.client, uri.as_str(), got?)));
        self.report
            .judge("JWKS", &documents::ROWS, document.as_ref());
        keys
    }
}

fn judge_health(asked: &Asked) -> Verdict {
    match asked.as_ref().map_err(Clone::clone)?.status {
        200 => Ok("200".into()),
        404 => skip("404: there is none"),
        503 => fail("503: a realm is configured wrongly or has no key; the log says which"),
        other => warn(other.to_string()),
    }
}
