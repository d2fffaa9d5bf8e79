//! The requests of `check`: one answer each, nothing followed, nothing tried again (RFC 9110).

use std::cell::Cell;
use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use edge_token::time::UnixTime;
use serde_json::{Map, Value};
use ureq::http::Request;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Error, Proxy};

use super::report::Objection;
use super::url::Url;

/// How long an answer may take, all of it.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The most octets of a body that are read.
const MAX_BODY: u64 = 1024 * 1024;

/// What became of a request: an answer, or why nothing can be said of it.
pub(super) type Asked = Result<Answer, Objection>;

/// A request.
pub(crate) struct Ask {
    pub(crate) method: &'static str,
    url: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<String>,
}

impl Ask {
    pub(super) fn new(method: &'static str, url: &str) -> Self {
        Self {
            method,
            url: url.to_owned(),
            headers: Vec::new(),
            body: None,
        }
    }

    /// A POST of parameters, form-encoded.
    pub(super) fn form(url: &str, parameters: &[(&str, &str)]) -> Self {
        let mut form = form_urlencoded::Serializer::new(String::new());
        Self::post(url, &form.extend_pairs(parameters).finish())
    }

    /// A POST of a form as it stands.
    pub(super) fn post(url: &str, body: &str) -> Self {
        Self {
            body: Some(body.to_owned()),
            ..Self::new("POST", url)
        }
        .with("content-type", "application/x-www-form-urlencoded")
    }

    /// The same with a header field, in place of the one of that name.
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// An answer.
#[derive(Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The names are in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// When it was there, by this machine's clock.
    pub(crate) received: Option<UnixTime>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether a list-based field has this word (RFC 9110 §5.6.1).
    pub(super) fn lists(&self, name: &str, word: &str) -> bool {
        let all = self.headers.iter().filter(|(other, _)| other == name);
        all.flat_map(|(_, value)| value.split(','))
            .any(|each| each.trim().eq_ignore_ascii_case(word))
    }

    /// The media type, in lower case and without parameters (RFC 9110 §8.3.1).
    pub(crate) fn media_type(&self) -> String {
        let field = self.header("content-type").unwrap_or_default();
        let media_type = field.split(';').next().unwrap_or_default();
        media_type.trim().to_ascii_lowercase()
    }

    /// The body as a JSON object.
    pub(crate) fn object(&self) -> Option<Map<String, Value>> {
        serde_json::from_str(&self.body).ok()
    }

    /// `Date` (RFC 9110 §6.6.1).
    pub(super) fn date(&self) -> Option<UnixTime> {
        let date = DateTime::parse_from_rfc2822(self.header("date")?).ok()?;
        date.timestamp().try_into().ok().map(UnixTime::from_seconds)
    }

    /// `max-age` (RFC 9111 §5.2.2.1).
    pub(super) fn max_age(&self) -> Option<u64> {
        let mut directives = self.header("cache-control")?.split(',');
        directives.find_map(|each| each.trim().strip_prefix("max-age=")?.parse().ok())
    }
}

/// Who asks.
pub(crate) struct Client {
    agent: Agent,
    asked: Cell<usize>,
    /// Whether each request is told on the terminal.
    tells: bool,
}

impl Client {
    pub(crate) fn new(url: &Url, tells: bool) -> Result<Self, crate::Error> {
        let proxy = Proxy::try_from_env().filter(|_| !url.is_on_loopback());
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(TIMEOUT))
            .user_agent(concat!("edge-token-check/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(roots()?).build())
            .proxy(proxy);
        Ok(Self {
            agent: config.build().into(),
            asked: Cell::new(0),
            tells: tells && std::io::stderr().is_terminal(),
        })
    }

    /// How many requests were made.
    pub(super) fn asked(&self) -> usize {
        self.asked.get()
    }

    pub(super) fn get(&self, url: &str) -> Asked {
        self.ask(&Ask::new("GET", url))
    }

    /// Makes a request. A limit on requests says nothing about what was asked, so it skips.
    pub(super) fn ask(&self, ask: &Ask) -> Asked {
        self.asked.set(self.asked.get().saturating_add(1));
        if self.tells {
            let line = format!("\r\x1b[KRequest {} …", self.asked.get());
            // Who closed standard error does not want to know.
            _ = std::io::stderr().write_all(line.as_bytes());
        }
        let answer = self.answer(ask).map_err(Objection::Fail)?;
        match answer.status {
            429 => Err(Objection::Skip("429, limited: try again later".into())),
            _ => Ok(answer),
        }
    }

    /// Makes a request. The error says, for people, why there is no answer.
    pub(crate) fn answer(&self, ask: &Ask) -> Result<Answer, String> {
        self.send(ask).map_err(|error| sentence(&error))
    }

    fn send(&self, ask: &Ask) -> Result<Answer, Error> {
        let request = Request::builder().method(ask.method).uri(&ask.url);
        let request = ask.headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, value)
        });
        let mut answer = match &ask.body {
            Some(body) => self.agent.run(request.body(body.as_str())?)?,
            None => self.agent.run(request.body(())?)?,
        };
        let body = answer.body_mut().with_config().limit(MAX_BODY);
        let body = body.lossy_utf8(true).read_to_string()?;
        let headers = answer.headers().iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        });
        Ok(Answer {
            status: answer.status().as_u16(),
            headers: headers.collect(),
            body,
            received: Some(crate::now()),
        })
    }
}

/// The certificates that those of servers must lead to: Mozilla's, or as elsewhere those in the file
/// that SSL_CERT_FILE names, for deployments behind a proxy or an authority of one's own.
fn roots() -> Result<RootCerts, crate::Error> {
    let Some(file) = std::env::var_os("SSL_CERT_FILE").filter(|file| !file.is_empty()) else {
        return Ok(RootCerts::WebPki);
    };
    let wrong = |why: String| crate::Error::Argument(format!("SSL_CERT_FILE: {why}"));
    let pem = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
    let items = parse_pem(&pem).collect::<Result<Vec<_>, _>>();
    let items = items.map_err(|error| wrong(error.to_string()))?;
    let certificates = items.into_iter().filter_map(|item| match item {
        PemItem::Certificate(certificate) => Some(certificate),
        _ => None,
    });
    let certificates = certificates.collect::<Vec<_>>();
    if certificates.is_empty() {
        return Err(wrong("it has no certificate".into()));
    }
    Ok(RootCerts::Specific(Arc::new(certificates)))
}

impl Drop for Client {
    /// Clears the line for what comes next.
    fn drop(&mut self) {
        if self.tells {
            _ = std::io::stderr().write_all(b"\r\x1b[K");
        }
    }
}

/// What went wrong, for people.
fn sentence(error: &Error) -> String {
    match error {
        Error::Timeout(_) => format!("timed out: no answer within {} s", TIMEOUT.as_secs()),
        Error::Io(error) => format!("no answer: {error}"),
        other => format!("no answer: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read() {
        let headers = [
            ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("cache-control", "Public, max-age=300"),
            ("content-type", "Application/JSON; charset=utf-8"),
        ];
        let answer = Answer {
            headers: headers
                .map(|(name, value)| (name.into(), value.into()))
                .to_vec(),
            ..Answer::default()
        };
        assert_eq!(answer.date(), Some(UnixTime::from_seconds(784_111_777)));
        assert_eq!(answer.max_age(), Some(300));
        assert_eq!(answer.media_type(), "application/json");
        assert!(answer.lists("cache-control", "public"));
        assert!(!answer.lists("cache-control", "max-age"));
    }
}
