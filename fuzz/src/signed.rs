//! Targets for signed tokens. libFuzzer cannot sign, so most of them sign what it makes up: then all
//! that can refuse it is what it says.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge_token::client_auth::Credentials;
use edge_token::dialect::{Dialect, RFC9068, Source};
use edge_token::dpop;
use edge_token::form::Form;
use edge_token::http::Request;
use edge_token::jose::{UntrustedToken, verify};
use edge_token::realm::Realm;
use edge_token::token::access_token::AccessToken;
use edge_token::token::issue::verify_id_token_hint;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::known::{
    CLIENT_KEY, HOST, ISSUER, NOW, REALM_KEY, at, key, known, public_jwk, sign, unsigned,
};
use super::{first_line, taken, text};

/// The parameter that says of what type an assertion is.
pub const ASSERTION_TYPE: &str =
    "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";

/// The tokens of the realm `default` that the seeds of [`jwt`] have: an access token, an ID token,
/// and one that says next to nothing.
pub fn good_tokens() -> [String; 3] {
    let kid = key(REALM_KEY).kid().as_str().to_owned();
    let header = |typ: &str| json!({ "alg": "ES256", "kid": kid, "typ": typ }).to_string();
    let exp = NOW + 300;
    let access = json!({
        "iss": ISSUER, "sub": "app", "aud": ISSUER, "jti": "t1", "client_id": "app",
        "scope": "read", "iat": NOW, "exp": exp,
    });
    let id = json!({ "iss": ISSUER, "sub": "ann", "aud": "app", "iat": NOW, "exp": exp });
    [
        sign(REALM_KEY, &header("at+jwt"), &access.to_string()),
        sign(REALM_KEY, &header("JWT"), &id.to_string()),
        sign(REALM_KEY, &header("x"), r#"{"exp":1}"#),
    ]
}

/// A token in the compact form. Nothing verifies but what was signed.
pub fn jwt(data: &[u8]) {
    thread_local! {
        static GOOD: [String; 3] = good_tokens();
    }
    let Some(token) = text(data) else { return };
    let token = token.trim_end_matches('\n');
    let signed = |token: &str| token.rsplit_once('.').map(|(signed, _)| signed.to_owned());
    let is_good = GOOD.with(|good| good.iter().any(|good| signed(good) == signed(token)));
    let realm = known().realm();
    let read = UntrustedToken::parse(token);
    if let Ok(untrusted) = &read {
        let parts = token.split('.').collect::<Vec<_>>();
        let octets = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
        let header = serde_json::from_slice::<Value>(&octets(parts[0])).unwrap();
        let claims = serde_json::from_slice::<Value>(&octets(parts[1])).unwrap();
        assert_eq!((parts.len(), octets(parts[2]).len()), (3, 64));
        assert_eq!(header["alg"], "ES256");
        assert_eq!(header["kid"].as_str(), untrusted.kid.as_deref());
        assert_eq!(header["typ"].as_str(), untrusted.token_type.as_deref());
        for member in ["crit", "jku", "x5u", "x5c"] {
            assert!(header.get(member).is_none(), "{member}");
        }
        assert!(claims.is_object());
    }
    let verified = verify(&realm.keys, token);
    taken(verified.is_some());
    if let Some(verified) = verified {
        assert!(is_good, "nobody signed this");
        assert!(read.is_ok());
        assert!(!verified.claims.contains_key("exp"));
    }
    let access = AccessToken::verify(realm, token, at(NOW)).is_ok();
    let id = verify_id_token_hint(realm, token).is_some();
    assert!(is_good || !access && !id);
    assert!(!(access && id), "a token passes for another");
    assert!(AccessToken::verify(realm, token, at(NOW + 300)).is_err());
}

/// Whether a header and claims are a token but for the signature.
fn is_token(header: &str, claims: &str) -> bool {
    // Any two numbers that a signature can have.
    let signature = URL_SAFE_NO_PAD.encode([1; 64]);
    UntrustedToken::parse(&format!("{}.{signature}", unsigned(header, claims))).is_ok()
}

fn members(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap()
}

/// A header, and on the next lines claims, signed with the realms' key: what passes for an access
/// token is one of that realm and of no other, and no ID token.
pub fn access_token(data: &[u8]) {
    let Some((header, claims)) = text(data).map(first_line) else {
        return;
    };
    if !is_token(header, claims) {
        return taken(false);
    }
    let token = sign(REALM_KEY, header, claims);
    let (header, claims) = (members(header), members(claims));
    let known = known();
    let paths = [
        "/token",
        "/realms/dx",
        "/api/id/v1/auth/token",
        "/oauth2/token",
    ];
    let realms = paths.map(|path| known.at(path).unwrap().0);
    let said = |realm: &&Realm| claims.get("iss").and_then(Value::as_str) == Some(realm.iss());
    let other = realms[data.len() % realms.len()];
    for realm in realms.into_iter().find(said).into_iter().chain([other]) {
        let Ok(read) = AccessToken::verify(realm, &token, at(NOW)) else {
            taken(false);
            continue;
        };
        taken(true);
        assert!(said(&realm));
        assert_eq!(header["kid"], key(REALM_KEY).kid().as_str());
        let typ = header.get("typ").and_then(Value::as_str);
        assert_eq!(typ, realm.dialect.access_token_typ);
        assert!(claims["exp"].as_u64().unwrap() > NOW);
        assert_eq!(Some(read.expiration.seconds()), claims["exp"].as_u64());
        assert_eq!(Some(read.issued_at.seconds()), claims["iat"].as_u64());
        assert_eq!(claims["jti"], read.jti);
        let name = claim_of_client(realm.dialect);
        assert_eq!(claims[name], read.client_id.as_str());
        // RFC 7800 §3.1: a bound token must not become one for whoever has it.
        let bound = |name: &str| claims.get("cnf").and_then(|cnf| cnf.get(name)?.as_str());
        assert_eq!(read.confirmation.jkt.as_deref(), bound("jkt"));
        assert_eq!(read.confirmation.x5t_s256.as_deref(), bound("x5t#S256"));
        if let Some(sid) = claims.get("sid").and_then(Value::as_str) {
            assert_eq!(read.family.unwrap().to_string(), sid);
        }
        for audience in &read.audience {
            assert!(read.is_for(std::slice::from_ref(audience)));
        }
        assert!(verify_id_token_hint(realm, &token).is_none());
    }
}

/// The claim of a dialect that names the client.
pub fn claim_of_client(dialect: &Dialect) -> &'static str {
    let mut claims = dialect.claims.iter();
    let is_client = |source: &Source| matches!(source, Source::ClientId);
    claims.find(|(_, source)| is_client(source)).unwrap().0
}

/// A header, and on the next lines claims, signed with a client's key; or any other text as it is.
/// Nothing lets the client in but its own word for this realm, now.
pub fn assertion(data: &[u8]) {
    let Some(input) = text(data) else { return };
    let (header, claims) = first_line(input);
    let is_signed = input.starts_with('{') && is_token(header, claims);
    let assertion = match is_signed {
        true => sign(CLIENT_KEY, header, claims),
        false => form_urlencoded::byte_serialize(data).collect(),
    };
    let body = format!("{ASSERTION_TYPE}&client_assertion={assertion}");
    let form = Form::parse(body.as_bytes()).unwrap();
    let Ok(credentials) = Credentials::parse(None, &form, &RFC9068) else {
        return taken(false);
    };
    let known = known();
    let signer = known.client("signer");
    let verified = credentials.verify(signer, known.realm(), None, None, at(NOW));
    taken(verified.is_ok());
    let Ok(evidence) = verified else { return };
    assert!(is_signed, "nobody signed this");
    let (header, claims) = (members(header), members(claims));
    for claim in ["iss", "sub"] {
        assert_eq!(claims[claim], "signer");
    }
    let for_us = [
        ISSUER,
        "https://auth.example/token",
        "https://auth.example/realms/default/token",
    ];
    let audience = match claims["aud"].as_array() {
        Some(several) => {
            assert_eq!(several.len(), 1);
            &several[0]
        }
        None => &claims["aud"],
    };
    assert!(for_us.contains(&audience.as_str().unwrap()));
    let seconds = |claim: &str| claims.get(claim).and_then(Value::as_f64);
    let exp = seconds("exp").unwrap();
    assert!(exp + 8.0 > NOW as f64 && exp < (NOW + 331) as f64);
    for claim in ["nbf", "iat"] {
        assert!(seconds(claim).is_none_or(|moment| moment < (NOW + 31) as f64));
    }
    assert!(!claims["jti"].as_str().unwrap().is_empty());
    assert!(!header.contains_key("jwk"));
    let mark = evidence.mark.expect("it is good once");
    assert!(mark.until > at(NOW) && mark.until <= at(NOW + 330 + 8 + 60));
    assert_eq!(
        evidence.client_kid.as_deref(),
        Some(key(CLIENT_KEY).kid().as_str())
    );
}

/// A method and a path, a header and claims, a line each, signed with a key of whoever asks; `{jwk}`
/// and `{nonce}` stand for that key and for a nonce of ours. A proof is one for this very request.
pub fn dpop(data: &[u8]) {
    let Some((line, rest)) = text(data).map(first_line) else {
        return;
    };
    let known = known();
    let (method, path) = line.split_once(' ').unwrap_or((line, "/token"));
    let Some((realm, endpoint)) = known.at(path) else {
        return;
    };
    let nonce = dpop::nonce(realm, at(NOW)).unwrap();
    let (header, claims) = first_line(rest);
    let header = header.replace("{jwk}", &public_jwk(CLIENT_KEY).to_string());
    let claims = claims.replace("{nonce}", &nonce);
    let is_signed = is_token(&header, &claims);
    let proof = match is_signed {
        true => sign(CLIENT_KEY, &header, &claims),
        false => rest.to_owned(),
    };
    let request = Request {
        method,
        authority: HOST,
        path,
        dpop: Some(&proof),
        ..Request::default()
    };
    let with_token = Some("any text").filter(|_| endpoint.is_for_people());
    let verified = dpop::verify(&request, realm, with_token, at(NOW));
    taken(verified.is_ok());
    let Ok(proof) = verified else { return };
    let proof = proof.expect("there is one");
    assert!(is_signed, "nobody signed this");
    let (header, claims) = (members(&header), members(&claims));
    assert_eq!(proof.jkt, key(CLIENT_KEY).kid().as_str());
    for member in ["x", "y"] {
        assert_eq!(header["jwk"][member], public_jwk(CLIENT_KEY)[member]);
    }
    assert!(header["jwk"]["d"].is_null());
    assert!(
        header["typ"]
            .as_str()
            .unwrap()
            .eq_ignore_ascii_case("dpop+jwt")
    );
    assert_eq!(claims["htm"], method);
    assert_eq!(claims["nonce"], nonce);
    assert!(claims["iat"].is_number());
    assert!(!claims["jti"].as_str().unwrap().is_empty());
    let uri = claims["htu"].as_str().unwrap();
    let uri = uri.split(['?', '#']).next().unwrap();
    let origin = uri.strip_suffix(path).unwrap().to_ascii_lowercase();
    assert!(["https://auth.example", "https://auth.example:443"].contains(&&*origin));
    if let Some(token) = with_token {
        assert_eq!(claims["ath"], URL_SAFE_NO_PAD.encode(Sha256::digest(token)));
    }
    assert!(proof.mark.until <= at(NOW + 360));
}
