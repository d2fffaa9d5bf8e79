//! RFC 6749 §4.1 and §6, RFC 7636, RFC 9126, RFC 9207, OpenID Connect Core and RP-Initiated Logout:
//! from the authorization endpoint by way of the login application to tokens for people.

mod authorization;
mod bcp;
mod certificates;
mod code;
mod dialects;
mod dpop;
mod exchange;
mod failures;
mod login;
mod refresh;
mod session;

use std::cell::{Cell, RefCell};

use super::*;

pub(super) const CALLBACK: &str = "https://app.example/cb?x=1";
pub(super) const LOGIN_URL: &str = "https://login.example/?realm=default";
/// RFC 7636 appendix B.
pub(super) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(super) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(super) const PKCE: &str =
    "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

/// A realm with people, its login application, the confidential client `app` and the public `spa`.
pub(super) struct People {
    pub(super) fixture: Fixture,
    /// Where an endpoint is, told by its place in `rfc9068` under the realm.
    pub(super) place: fn(&str) -> String,
    pub(super) draws: Cell<u8>,
    /// What the browser comes back with, by ticket.
    pub(super) decisions: RefCell<HashMap<String, String>>,
}

/// A browser that was sent to the login application.
pub(super) struct Asked {
    pub(super) ticket: String,
    pub(super) cookie: String,
}

impl People {
    pub(super) fn new() -> Self {
        Self::with(json!({}))
    }

    /// The realm with more members.
    pub(super) fn with(more: Value) -> Self {
        let mut realm = json!({
            "issuer": ISSUER, "login_url": LOGIN_URL, "login_clients": ["login"],
        });
        for (member, value) in more.as_object().unwrap() {
            realm[member] = value.clone();
        }
        let people = Self {
            fixture: Fixture::configured(json!({ "default": realm }), &secrets()),
            place: |path| format!("/realms/default{path}"),
            draws: Cell::new(0),
            decisions: RefCell::default(),
        };
        people.register("app", |_| ());
        people.register("spa", |client| {
            client.secrets.clear();
            client.token_endpoint_auth_method = edge_token::auth_method::AuthMethod::None;
        });
        people
            .fixture
            .register("login", |client| client.grant_types.clear());
        people
    }

    pub(super) fn register(&self, id: &str, change: impl FnOnce(&mut Client)) {
        self.fixture.register(id, |client| {
            client.client_name = Some("The app".into());
            client.grant_types = vec!["authorization_code".into(), "refresh_token".into()];
            client.scope = ScopeSet::parse("openid profile email offline_access read").unwrap();
            client.redirect_uris = vec![CALLBACK.into()];
            client.post_logout_redirect_uris = vec!["https://app.example/bye".into()];
            change(client);
        });
    }

    /// Sends with randomness that never repeats.
    pub(super) fn send(&self, request: &Request<'_>) -> Answer {
        let path = (self.place)(request.path);
        let request = Request {
            path: &path,
            ..*request
        };
        self.fixture.send_with("auth.example", &request, &|octets| {
            self.draws.set(self.draws.get().wrapping_add(1));
            octets.fill(self.draws.get());
            Ok(())
        })
    }

    pub(super) fn later(&mut self, seconds: u32) {
        self.fixture.now = self.fixture.now.plus(edge_token::time::Seconds(seconds));
    }

    pub(super) fn authorize(&self, query: &str) -> Answer {
        self.send(&Request {
            method: "GET",
            path: "/authorize",
            query,
            ..Request::default()
        })
    }

    /// Begins and is sent to the login application.
    pub(super) fn ask(&self, client: &str, more: &str) -> Asked {
        let query = format!(
            "response_type=code&client_id={client}&redirect_uri={}&state=s%26t{more}",
            encoded(CALLBACK)
        );
        Asked::read(&self.authorize(&query))
    }

    /// A call of the login application.
    pub(super) fn login(&self, path: &str, body: &Value) -> Answer {
        let answer = self.send(&Request {
            authorization: Some(&basic("login", SECRET)),
            content_type: Some("application/json"),
            ..post(path, &body.to_string())
        });
        if let (200, Some(redirect_to)) = (answer.status(), answer.json()["redirect_to"].as_str()) {
            let (_, decision) = redirect_to.split_once("decision=").unwrap();
            let ticket = body["ticket"].as_str().unwrap().to_owned();
            self.decisions
                .borrow_mut()
                .insert(ticket, decision.to_owned());
        }
        answer
    }

    /// What the browser comes back with.
    pub(super) fn decision(&self, asked: &Asked) -> String {
        self.decisions
            .borrow()
            .get(&asked.ticket)
            .cloned()
            .unwrap_or_default()
    }

    pub(super) fn accept(&self, asked: &Asked, more: Value) -> Answer {
        let mut body = json!({ "ticket": asked.ticket, "sub": "1302" });
        for (member, value) in more.as_object().unwrap() {
            body[member] = value.clone();
        }
        self.login("/authorize/accept", &body)
    }

    pub(super) fn resume(&self, asked: &Asked) -> Answer {
        self.resume_with(&self.decision(asked), Some(&asked.cookie))
    }

    pub(super) fn resume_with(&self, decision: &str, cookie: Option<&str>) -> Answer {
        self.send(&Request {
            method: "GET",
            path: "/authorize/resume",
            query: &format!("decision={decision}"),
            cookie,
            ..Request::default()
        })
    }

    /// A code of a person who accepted all.
    pub(super) fn code(&self, client: &str, more: &str, accept: Value) -> String {
        let asked = self.ask(client, more);
        assert_eq!(self.accept(&asked, accept).status(), 200);
        self.resume(&asked).location("code").expect("a code")
    }

    pub(super) fn token(&self, id: &str, form: &str) -> Answer {
        let authorization = basic(id, SECRET);
        self.send(&Request {
            authorization: Some(&authorization)
                .filter(|_| id != "spa")
                .map(|text| &**text),
            ..post("/token", form)
        })
    }

    pub(super) fn redeem(&self, code: &str, more: &str) -> Answer {
        let uri = encoded(CALLBACK);
        self.token(
            "app",
            &format!("grant_type=authorization_code&code={code}&redirect_uri={uri}{more}"),
        )
    }

    pub(super) fn refresh(&self, token: &str, more: &str) -> Answer {
        self.token(
            "app",
            &format!("grant_type=refresh_token&refresh_token={token}{more}"),
        )
    }

    pub(super) fn userinfo(&self, access_token: &str) -> Answer {
        self.send(&Request {
            method: "GET",
            path: "/userinfo",
            authorization: Some(&format!("Bearer {access_token}")),
            ..Request::default()
        })
    }
}

impl Asked {
    pub(super) fn read(answer: &Answer) -> Self {
        assert_eq!(answer.status(), 303, "{}", answer.response.body);
        let cookie = answer.header("set-cookie").expect("a cookie");
        Self {
            ticket: answer.location("ticket").expect("a ticket"),
            cookie: cookie.split(';').next().unwrap().to_owned(),
        }
    }
}

impl Answer {
    /// A parameter of where the browser is sent.
    pub(super) fn location(&self, name: &str) -> Option<String> {
        let (_, query) = self.header("location")?.split_once('?')?;
        form_urlencoded::parse(query.as_bytes())
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.into_owned())
    }

    pub(super) fn text(&self, member: &str) -> String {
        self.json()[member].as_str().expect(member).to_owned()
    }
}

pub(super) fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The claims of a token, unverified.
pub(super) fn claims_of(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    let octets = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part);
    serde_json::from_slice(&octets.unwrap()).unwrap()
}

pub(super) fn invalid_grant() -> (u16, String) {
    (400, "invalid_grant".into())
}
