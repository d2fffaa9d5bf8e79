//! Fetching the public keys of clients that have them at a URL: once, with a limit on time and
//! size, a few at once, each URL only once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use edge_token::uri::is_web_url;
use serde_json::Value;
use ureq::{Agent, Error, Proxy};

use super::{Found, Outcome};

/// How long an answer may take, all of it.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The most bytes of an answer.
const MAX_BODY: u64 = 256 * 1024;

/// How many are asked at once.
const AT_ONCE: usize = 8;

/// Puts the keys into the drafts that have a URL for them; a client whose keys cannot be had is
/// wrong.
pub(crate) fn fetch(found: &mut [Found]) {
    let urls = found.iter().filter_map(url).collect::<BTreeSet<_>>();
    let urls = urls.into_iter().collect::<Vec<_>>();
    let mut keys = BTreeMap::new();
    for some in urls.chunks(AT_ONCE) {
        let fetched = std::thread::scope(|scope| {
            let threads = some
                .iter()
                .map(|url| scope.spawn(move || (url.clone(), keys_at(url))));
            let threads = threads.collect::<Vec<_>>().into_iter();
            // One that panicked leaves no keys, which is an error of its own below.
            threads
                .filter_map(|thread| thread.join().ok())
                .collect::<Vec<_>>()
        });
        keys.extend(fetched);
    }
    for found in found {
        let Some(url) = url(found) else { continue };
        let keys = keys.get(&url).cloned();
        let keys = keys.unwrap_or_else(|| Err("it could not be asked".to_owned()));
        match (&mut found.outcome, keys) {
            (Outcome::Client(draft), Ok(keys)) => draft.set("jwks", keys),
            (outcome, Err(why)) => {
                *outcome = Outcome::Wrong(format!("its keys at {url} cannot be had: {why}"));
            }
            _ => (),
        }
    }
}

fn url(found: &Found) -> Option<String> {
    match &found.outcome {
        Outcome::Client(draft) => draft.jwks_url.clone(),
        _ => None,
    }
}

fn keys_at(url: &str) -> Result<Value, String> {
    if !is_web_url(url) {
        return Err(
            "it must be https, or http on loopback: who is in between could put in other keys"
                .to_owned(),
        );
    }
    let is_loopback = url.starts_with("http:");
    let config = Agent::config_builder()
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .timeout_global(Some(TIMEOUT))
        .user_agent(concat!("edge-token-import/", env!("CARGO_PKG_VERSION")))
        .proxy(Proxy::try_from_env().filter(|_| !is_loopback));
    let agent = Agent::from(config.build());
    let answer = agent.get(url).header("accept", "application/json").call();
    let mut answer = answer.map_err(|error| sentence(&error))?;
    match answer.status().as_u16() {
        200 => (),
        status => return Err(format!("the answer is {status}")),
    }
    let body = answer.body_mut().with_config().limit(MAX_BODY);
    let body = body.read_to_string().map_err(|error| sentence(&error))?;
    serde_json::from_str(&body).map_err(|_| "the answer is not JSON".to_owned())
}

fn sentence(error: &Error) -> String {
    match error {
        Error::Timeout(_) => format!("no answer within {} s", TIMEOUT.as_secs()),
        Error::Io(error) => format!("no answer: {error}"),
        other => format!("no answer: {other}"),
    }
}
