//! No secret of any request or answer of any test is in a line of the log or in the answer of an
//! error, and `{:?}` shows none.

use std::cell::RefCell;
use std::collections::HashSet;

use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

/// The parameters of forms and queries and the members of bodies that are secrets, or as good as.
const NAMES: [&str; 15] = [
    "token",
    "access_token",
    "refresh_token",
    "id_token",
    "id_token_hint",
    "subject_token",
    "actor_token",
    "assertion",
    "client_assertion",
    "client_secret",
    "code",
    "code_verifier",
    "ticket",
    "decision",
    "request_uri",
];

/// What is shorter may well stand in a log by chance.
const SHORTEST: usize = 12;

/// The secrets that were seen so far.
#[derive(Default)]
pub(super) struct Seen(RefCell<HashSet<String>>);

impl Seen {
    /// Those of the service itself.
    pub(super) fn configured(secrets: &HashMap<&str, String>) -> Self {
        let this = Self::default();
        for secret in secrets.values() {
            match serde_json::from_str::<Value>(secret) {
                Ok(jwk_set) => {
                    for jwk in jwk_set["keys"].as_array().unwrap_or(&Vec::new()) {
                        this.add(jwk["d"].as_str().unwrap_or_default());
                    }
                }
                Err(_) => this.add(secret),
            }
        }
        this
    }

    fn add(&self, text: &str) {
        // Of a signed token each part is looked for: a line could have lost the others.
        let parts = std::iter::once(text).chain(text.split('.').skip(1));
        let parts = parts.filter(|part| part.len() >= SHORTEST);
        self.0.borrow_mut().extend(parts.map(str::to_owned));
    }

    fn add_form(&self, form: &[u8]) {
        for (name, value) in form_urlencoded::parse(form) {
            if NAMES.contains(&&*name) {
                self.add(&value);
            }
        }
    }

    fn add_json(&self, value: &Value) {
        for (name, value) in value.as_object().into_iter().flatten() {
            match value.as_str() {
                Some(text) if NAMES.contains(&name.as_str()) => self.add(text),
                Some(text) => self.add_url(text),
                None => self.add_json(value),
            }
        }
    }

    fn add_url(&self, url: &str) {
        if let Some((_, query)) = url.split_once('?') {
            self.add_form(query.as_bytes());
        }
    }

    fn add_cookies(&self, cookies: &str) {
        for cookie in cookies.split("; ") {
            self.add(cookie.split_once('=').map_or("", |(_, value)| value));
        }
    }

    /// Sees what a request has.
    pub(super) fn request(&self, request: &Request<'_>) {
        if let Some((_, credentials)) = request.authorization.and_then(|text| text.split_once(' '))
        {
            self.add(credentials);
            let octets = STANDARD.decode(credentials).unwrap_or_default();
            if let Some((_, secret)) = String::from_utf8_lossy(&octets).split_once(':') {
                self.add(secret);
                let form = format!("code={secret}");
                self.add_form(form.as_bytes());
            }
        }
        self.add(request.dpop.unwrap_or_default());
        self.add_cookies(request.cookie.unwrap_or_default());
        self.add_form(request.query.as_bytes());
        self.add_form(request.body);
        self.add_json(&serde_json::from_slice(request.body).unwrap_or_default());
    }

    /// Sees what an answer has, and checks it and its line in the log.
    pub(super) fn answer(&self, response: &Response, log: Option<&Log>) {
        let is_error = response.status >= 400;
        if !is_error {
            self.add_json(&serde_json::from_str(&response.body).unwrap_or_default());
            for (name, value) in &response.headers {
                match *name {
                    "location" => self.add_url(value),
                    "set-cookie" => self.add_cookies(value.split(';').next().unwrap_or_default()),
                    _ => (),
                }
            }
        }
        let line = match log {
            Some(Log::Info(line) | Log::Warning(line) | Log::Error(line)) => line,
            None => "",
        };
        self.check("the log", line);
        if is_error {
            self.check("an error", &response.body);
            for (_, value) in &response.headers {
                self.check("a header field of an error", value);
            }
        }
    }

    fn check(&self, place: &str, text: &str) {
        for secret in self.0.borrow().iter() {
            assert!(!text.contains(secret), "{secret} is in {place}: {text}");
        }
        assert!(
            !text.contains("eyJ"),
            "a signed token is in {place}: {text}"
        );
    }
}

#[test]
fn a_secret_in_the_log_or_in_an_error_is_seen() {
    let fixture = Fixture::new();
    let granted = fixture.token("");
    let token = granted.json()["access_token"].as_str().unwrap().to_owned();
    let signature = token.rsplit('.').next().unwrap();
    let d = fixture.seen.0.borrow().clone();
    assert!(d.contains(CLIENT_SECRETS_KEY) && d.len() > 4, "{}", d.len());
    for secret in [
        SECRET,
        &basic("app", SECRET)[6..],
        CLIENT_SECRETS_KEY,
        &token,
        signature,
    ] {
        let seen = |status, log: &str, body: &str| {
            let response = Response {
                status,
                headers: Vec::new(),
                body: body.to_owned(),
            };
            let log = Log::Info(log.to_owned());
            let answer = || fixture.seen.answer(&response, Some(&log));
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(answer)).is_err()
        };
        assert!(seen(200, &format!("{{\"x\":\"{secret}\"}}"), "{}"));
        assert!(seen(400, "{}", &format!("{{\"error\":\"{secret}\"}}")));
        assert!(!seen(200, "{}", "{}") && !seen(400, "{}", "{}"));
    }
}

#[test]
fn debug_shows_no_secret() {
    let key = key(1, NOW - 1000, NOW + 1000);
    let d = serde_json::to_value(key.to_private_jwk()).unwrap()["d"].clone();
    let [octets, random] = [[0x5a; 32], [0x5b; 32]].map(|octets| URL_SAFE_NO_PAD.encode(octets));
    let secret = ClientSecret::generate(&[0x5a; 32]);
    let stored = StoredSecret {
        id: "s1".to_owned(),
        hash: ClientSecretHash::of_generated(&secret, [7; 16]),
        not_before: None,
        expires_at: None,
    };
    let digest = serde_json::to_value(&stored).unwrap()["hash"].clone();
    let digest = digest
        .as_str()
        .unwrap()
        .rsplit('$')
        .next()
        .unwrap()
        .to_owned();
    let family = edge_token::family::FamilyId::from_octets([9; 16]);
    let handle = edge_token::family::Handle {
        family,
        secret: edge_token::family::Secret::new([0x5b; 32]),
    };
    let mut keys = edge_token::jose::SigningKeys::default();
    keys.add(&jwk_set(&[&key])).unwrap();
    let form = format!("client_secret={octets}");
    let request = Request {
        authorization: Some(&octets),
        dpop: Some(&octets),
        cookie: Some(&octets),
        query: &octets,
        ..post("/token", &form)
    };
    let response = Response {
        status: 200,
        headers: vec![("set-cookie", octets.clone().into())],
        body: octets.clone(),
    };
    let shown = [
        format!("{key:?} {keys:?}"),
        format!("{secret:?} {stored:?}"),
        format!(
            "{handle:?} {:?}",
            edge_token::family::Secret::new([0x5b; 32])
        ),
        format!("{request:?}"),
        format!("{:?}", edge_token::form::Form::parse(form.as_bytes())),
        format!("{response:?}"),
        format!(
            "{:?}",
            edge_token::family::act::Look {
                ticket: handle.secret.clone()
            }
        ),
    ];
    for text in shown {
        let numbers = format!("{:?}", [0x5a_u8; 4]);
        let more = [
            handle.reveal(),
            "90, 90, 90".to_owned(),
            "91, 91, 91".to_owned(),
            numbers,
        ];
        let secrets = [d.as_str().unwrap(), &octets, &random, &digest];
        for secret in secrets.into_iter().chain(more.iter().map(String::as_str)) {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
