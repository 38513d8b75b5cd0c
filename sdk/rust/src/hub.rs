//! The handshake and signature that Meta's platforms share (they began as WebSub): `GET` with `hub.challenge`, and
//! `X-Hub-Signature-256` over the body as it came.

use crate::secrets::{self, Scheme};
use crate::{Failure, Outcome, Reply, Request};

/// Answers the handshake of a `GET`: the challenge, if `hub.verify_token` is the secret `token_name`; 403 otherwise.
pub fn challenge(request: &Request, token_name: &str) -> Result<Outcome, Failure> {
    let token = request.query("hub.verify_token").unwrap_or_default();
    let challenge = request.query("hub.challenge");
    let subscribes = request.query("hub.mode").as_deref() == Some("subscribe");
    match challenge {
        Some(challenge) if subscribes && secrets::equals(token_name, token.as_bytes())? => {
            Ok(Outcome::reply(Reply::text(200, challenge)))
        }
        _ => Ok(Outcome::reply(Reply::text(403, "The verify token is not the one that was agreed on."))),
    }
}

/// Whether the body is signed with the secret `secret_name`; `unauthenticated` if not. The older SHA-1 header is not looked at: whoever
/// can leave the newer one out could otherwise choose the weaker check.
pub fn verify(request: &Request, secret_name: &str) -> Result<(), Failure> {
    let header = request.header("x-hub-signature-256").unwrap_or_default();
    let Some(signature) = header.strip_prefix(b"sha256=") else {
        return Err(Failure::unauthenticated("The header X-Hub-Signature-256 is missing or has another form."));
    };
    if secrets::verify_hex(secret_name, &Scheme::HmacSha256, &request.body, signature)? {
        Ok(())
    } else {
        Err(Failure::unauthenticated("The signature does not fit the body and the app secret."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, Env};

    fn env() -> Env {
        Env::new("test").secret("app-secret", "s3cret").secret("verify-token", "agreed")
    }

    #[test]
    fn the_challenge_comes_back_verbatim() {
        let request = testing::get("/hooks/x?hub.mode=subscribe&hub.verify_token=agreed&hub.challenge=11%2058");
        let outcome = env().run(|| challenge(&request, "verify-token")).unwrap();
        assert_eq!((outcome.reply.status, outcome.reply.body.as_slice()), (200, b"11 58".as_slice()));
    }

    #[test]
    fn a_wrong_verify_token_is_forbidden() {
        let request = testing::get("/hooks/x?hub.mode=subscribe&hub.verify_token=guess&hub.challenge=1158");
        let outcome = env().run(|| challenge(&request, "verify-token")).unwrap();
        assert_eq!(outcome.reply.status, 403);
    }

    #[test]
    fn a_genuine_signature_is_taken_and_any_change_of_the_body_is_refused() {
        let mut env = env();
        let mut request = testing::post("/hooks/x", "{\"a\":1}");
        testing::sign_hub(&mut request, "s3cret");
        assert_eq!(env.run(|| verify(&request, "app-secret")), Ok(()));
        assert!(env.is_authenticated());
        request.body.push(b' ');
        assert!(matches!(env.run(|| verify(&request, "app-secret")), Err(Failure::Unauthenticated(_))));
    }

    #[test]
    fn a_missing_signature_is_refused() {
        let request = testing::post("/hooks/x", "{}");
        assert!(matches!(env().run(|| verify(&request, "app-secret")), Err(Failure::Unauthenticated(_))));
    }

    #[test]
    fn an_unset_secret_refuses() {
        let mut request = testing::post("/hooks/x", "{}");
        testing::sign_hub(&mut request, "");
        let mut env = Env::new("test");
        assert!(matches!(env.run(|| verify(&request, "app-secret")), Err(Failure::Misconfigured(_))));
        assert!(!env.is_authenticated());
    }
}
