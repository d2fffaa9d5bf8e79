//! One token request as a client makes it, shown as it went over the network but for the secret, and
//! the token that came of it, held to the published keys (RFC 6749 §4.4, RFC 7515 §5.2).

use serde_json::{Map, Value, json};
use ureq::http::StatusCode;

use super::http::{Answer, Ask, Client};
use super::jwks::Keys;
use super::jwt::Jwt;
use super::metadata::text;
use super::refusals::GRANT;
use super::report::Objection;
pub(crate) use super::token::Method;
use super::url::Url;
use crate::Error;

/// What stands in the place of a secret.
const MASK: &str = "********";

pub(crate) struct Attempt<'a> {
    pub(crate) token_endpoint: String,
    pub(crate) jwks_uri: String,
    /// What the realm's tokens say that they are of: as it is configured, or as it is reached.
    pub(crate) iss: [String; 2],
    pub(crate) client_id: &'a str,
    pub(crate) client_secret: &'a str,
    pub(crate) method: Method,
    pub(crate) scope: Option<&'a str>,
    pub(crate) resource: Option<&'a str>,
}

impl Attempt<'_> {
    pub(crate) fn run(&self) -> Result<Value, Error> {
        let url = Url::parse(&self.token_endpoint).filter(Url::is_private);
        let url = url.ok_or_else(|| {
            Error::State("secrets are not sent over http, but on loopback".into())
        })?;
        let client = Client::new(&url, false)?;
        let answer = client.answer(&self.ask(self.client_secret));
        let answer = answer.map_err(|why| {
            Error::State(format!(
                "{}: {why}. Is the service there, as by `make run`, or by `console --service URL`?",
                url.as_str()
            ))
        })?;
        let members = answer.object().unwrap_or_default();
        let token = text(&members, "access_token").and_then(Jwt::parse);
        Ok(json!({
            "request": self.shown(&url),
            "response": shown(&answer).replace(self.client_secret, MASK),
            "status": answer.status,
            "token": token.map(|token| json!({
                "header": token.header,
                "claims": token.claims,
                "verdicts": self.verdicts(&client, &token),
            })),
        }))
    }

    fn ask(&self, secret: &str) -> Ask {
        let mut form = vec![GRANT];
        form.extend(self.scope.map(|scope| ("scope", scope)));
        form.extend(self.resource.map(|resource| ("resource", resource)));
        self.method
            .ask(&self.token_endpoint, (self.client_id, secret), form)
    }

    /// The request, with a mask in the place of the secret, or of all that Basic says.
    fn shown(&self, url: &Url) -> String {
        let mut ask = self.ask(MASK);
        if self.method == Method::Basic {
            ask = ask.with("authorization", &format!("Basic {MASK}"));
        }
        let host = url.origin().split_once("://").map_or("", |(_, host)| host);
        let mut lines = vec![
            format!("{} {} HTTP/1.1", ask.method, url.path()),
            format!("host: {host}"),
        ];
        lines.extend(
            ask.headers
                .iter()
                .map(|(name, value)| format!("{name}: {value}")),
        );
        lines.extend([String::new(), ask.body.unwrap_or_default()]);
        lines.join("\n")
    }

    /// What a resource server asks of a token, and whether it holds.
    fn verdicts(&self, client: &Client, token: &Jwt) -> Vec<Value> {
        let verdict = |what: &str, verdict: Result<String, String>| {
            let holds = verdict.is_ok();
            json!({ "what": what, "holds": holds, "detail": verdict.unwrap_or_else(|why| why) })
        };
        let claim = |name| text(&token.claims, name).unwrap_or_default();
        let now = crate::now().seconds();
        let time = match token.seconds("exp") {
            Some(exp) if now < exp => Ok(format!("for {} s more", exp.saturating_sub(now))),
            Some(_) => Err("it has expired".into()),
            None => Err("it has no exp".into()),
        };
        let iss = match claim("iss") {
            iss if self.iss.iter().any(|own| own == iss) => Ok(iss.to_owned()),
            iss => Err(format!("`{iss}`, not `{}`", self.iss.join("` or `"))),
        };
        vec![
            verdict("Signature", self.signature(client, token)),
            verdict("Issuer", iss),
            verdict("Not expired", time),
        ]
    }

    fn signature(&self, client: &Client, token: &Jwt) -> Result<String, String> {
        let uri = &self.jwks_uri;
        let keys = Keys::read(&client.get(uri)).map_err(|objection| match objection {
            Objection::Fail(why) | Objection::Warn(why) | Objection::Skip(why) => {
                format!("{uri}: {why}")
            }
        })?;
        let kid = text(&token.header, "kid").unwrap_or_default();
        let key = keys
            .named(kid)
            .ok_or_else(|| format!("no key at {uri} is `{kid}`"))?;
        match text(&token.header, "alg") == Some("ES256") && token.is_signed_by(key) {
            true => Ok(format!("verifies by ES256 and the key {kid} of {uri}")),
            false => Err(format!("does not verify by the key {kid} of {uri}")),
        }
    }
}

/// An answer as it was sent, JSON with line breaks.
fn shown(answer: &Answer) -> String {
    let reason = StatusCode::from_u16(answer.status).ok();
    let reason = reason
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default();
    let mut lines = vec![format!("HTTP/1.1 {} {reason}", answer.status)];
    lines.extend(
        answer
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}")),
    );
    let pretty = |members: &Map<String, Value>| serde_json::to_string_pretty(members).ok();
    let body = answer.object().as_ref().and_then(pretty);
    lines.extend([String::new(), body.unwrap_or_else(|| answer.body.clone())]);
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(method: Method) -> Attempt<'static> {
        Attempt {
            token_endpoint: "http://127.0.0.1:9/token".into(),
            jwks_uri: "http://127.0.0.1:9/jwks".into(),
            iss: ["i", "j"].map(str::to_owned),
            client_id: "a b",
            client_secret: "s3cret s3cret",
            method,
            scope: Some("read write"),
            resource: None,
        }
    }

    #[test]
    fn the_secret_is_shown_in_no_way() {
        let url = Url::parse("http://127.0.0.1:9/token").unwrap();
        for (method, line) in [
            (Method::Basic, "authorization: Basic ********"),
            (
                Method::Post,
                "grant_type=client_credentials&scope=read+write&client_id=a+b&client_secret=********",
            ),
        ] {
            let shown = attempt(method).shown(&url);
            assert!(
                shown.starts_with("POST /token HTTP/1.1\nhost: 127.0.0.1:9\n"),
                "{shown}"
            );
            assert!(shown.lines().any(|other| other == line), "{shown}");
            assert!(
                !shown.contains("s3cret") && !shown.contains("czNjcmV0"),
                "{shown}"
            );
        }
    }

    #[test]
    fn secrets_do_not_go_where_others_read_them() {
        let attempt = Attempt {
            token_endpoint: "http://a.example/token".into(),
            ..attempt(Method::Basic)
        };
        let error = attempt.run().unwrap_err();
        assert_eq!(
            error.to_string(),
            "secrets are not sent over http, but on loopback"
        );
    }
}
