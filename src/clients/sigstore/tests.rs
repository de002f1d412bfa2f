use super::*;
use chartrel_core::{Code, evidence::Root};
use serde_json::Value;

// Public attestations of real releases, as sigstore-verify 0.15.1 carries them among its own test data.
const PUBLIC_GOOD: &str = include_str!("testdata/public-good.json");
const GITHUB: &str = include_str!("testdata/github.json");
const VERSION_0_1: &str = include_str!("testdata/version-0.1.json");

fn embedded() -> Verifier {
    Verifier::new(&Roots::Embedded).unwrap()
}

fn altered(text: &str, alter: impl Fn(&mut Value)) -> String {
    let mut bundle = serde_json::from_str(text).unwrap();
    alter(&mut bundle);
    bundle.to_string()
}

#[test]
fn a_public_bundle_verifies_with_its_claims() {
    let evidence = embedded().verify(PUBLIC_GOOD).unwrap();
    assert_eq!(evidence.root, Root::PublicGood);
    assert_eq!(evidence.claims.issuer, "https://token.actions.githubusercontent.com");
    assert!(evidence.claims.san.starts_with("https://github.com/"), "{}", evidence.claims.san);
    assert_eq!(evidence.claims.runner_environment.as_deref(), Some("github-hosted"));
    assert!(evidence.claims.source_repository_id.is_some());
    assert_eq!(evidence.bundle, PUBLIC_GOOD);
}

#[test]
fn a_bundle_of_githubs_instance_verifies_without_a_log() {
    let evidence = embedded().verify(GITHUB).unwrap();
    assert_eq!(evidence.root, Root::GitHub);
    assert_eq!(evidence.claims.issuer, "");
    assert_eq!(evidence.claims.source_repository_uri, None);
}

#[test]
fn many_bundles_keep_their_order() {
    let bundles: Vec<String> = (0..9).map(|n| if n % 2 == 0 { PUBLIC_GOOD } else { VERSION_0_1 }.to_owned()).collect();
    let results = embedded().verify_all(&bundles);
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), (0..9).map(|n| n % 2 == 0).collect::<Vec<_>>());
    assert!(embedded().verify_all(&[]).is_empty());
}

#[test]
fn what_is_altered_or_left_out_does_not_verify() {
    let verifier = embedded();
    let removed = |path: &'static [&'static str]| {
        move |bundle: &mut Value| {
            let (last, parents) = path.split_last().unwrap();
            let parent = parents.iter().fold(bundle, |value, name| match name.parse::<usize>() {
                Ok(index) => &mut value[index],
                Err(_) => &mut value[*name],
            });
            assert!(parent.as_object_mut().unwrap().remove(*last).is_some(), "{path:?}");
        }
    };
    let cases: Vec<(&str, String)> = vec![
        ("no json", "{".into()),
        ("version 0.1", VERSION_0_1.into()),
        ("no certificate", altered(PUBLIC_GOOD, removed(&["verificationMaterial", "certificate"]))),
        ("no log entry", altered(PUBLIC_GOOD, removed(&["verificationMaterial", "tlogEntries"]))),
        ("no proof", altered(PUBLIC_GOOD, removed(&["verificationMaterial", "tlogEntries", "0", "inclusionProof"]))),
        ("no time stamp", altered(GITHUB, removed(&["verificationMaterial", "timestampVerificationData"]))),
        ("other payload", altered(PUBLIC_GOOD, |bundle| bundle["dsseEnvelope"]["payload"] = other_payload(bundle))),
        ("other payload type", altered(PUBLIC_GOOD, |bundle| bundle["dsseEnvelope"]["payloadType"] = "text/plain".into())),
        (
            "other certificate",
            altered(PUBLIC_GOOD, |bundle| {
                let other: Value = serde_json::from_str(GITHUB).unwrap();
                bundle["verificationMaterial"]["certificate"] = other["verificationMaterial"]["certificate"].clone();
            }),
        ),
        (
            "other signature",
            altered(PUBLIC_GOOD, |bundle| {
                let other: Value = serde_json::from_str(GITHUB).unwrap();
                bundle["dsseEnvelope"]["signatures"] = other["dsseEnvelope"]["signatures"].clone();
            }),
        ),
        (
            "other log index",
            altered(PUBLIC_GOOD, |bundle| bundle["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["logIndex"] = "1".into()),
        ),
    ];
    for (name, bundle) in cases {
        assert_eq!(verifier.verify(&bundle).map_err(|refusal| refusal.code).unwrap_err(), Code::BundleInvalid, "{name}");
    }
}

fn other_payload(bundle: &Value) -> Value {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    let payload = BASE64_STANDARD.decode(bundle["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
    let mut statement: Value = serde_json::from_slice(&payload).unwrap();
    statement["predicate"]["extra"] = true.into();
    BASE64_STANDARD.encode(statement.to_string()).into()
}

#[test]
fn a_custom_root_replaces_the_built_in_ones() {
    use sigstore_verify::trust_root::SigstoreInstance;
    let custom =
        |instance: SigstoreInstance| Verifier::new(&Roots::Custom(vec![instance.embedded_trusted_root_json().to_owned()])).unwrap();
    assert_eq!(custom(SigstoreInstance::PublicGood).verify(PUBLIC_GOOD).unwrap().root, Root::Custom);
    assert_eq!(custom(SigstoreInstance::GitHub).verify(GITHUB).unwrap().root, Root::Custom);
    for (instance, bundle) in
        [(SigstoreInstance::GitHub, PUBLIC_GOOD), (SigstoreInstance::PublicGood, GITHUB), (SigstoreInstance::Staging, PUBLIC_GOOD)]
    {
        assert!(custom(instance).verify(bundle).is_err(), "{instance:?}");
    }
}

#[test]
fn a_root_that_is_none_is_bad_input() {
    for roots in [vec![], vec!["{}".to_owned()], vec!["no json".to_owned()]] {
        assert_eq!(Verifier::new(&Roots::Custom(roots)).err().unwrap().code, Code::PolicyInvalid);
    }
}

#[test]
fn services_follow_the_instance() {
    let public = SigningServices::public_good().unwrap();
    assert_eq!(public.authority(), "https://fulcio.sigstore.dev");
    assert!(public.log.is_some() && public.time.is_some());
    assert_eq!(SigningServices::github("https://github.com").unwrap().authority(), "https://fulcio.githubapp.com");
    assert_eq!(SigningServices::github("https://acme.ghe.com").unwrap().authority(), "https://fulcio.acme.ghe.com");
    assert_eq!(SigningServices::from_config("{}").unwrap_err().code, Code::PolicyInvalid);
}

#[tokio::test]
async fn a_job_without_identity_is_told_which_permission_to_add() {
    let signer = Signer::new(SigningServices::public_good().unwrap(), Oidc::default());
    let error = signer.sign(b"{}").await.unwrap_err();
    let refusal = error.downcast_ref::<chartrel_core::Refusal>().unwrap();
    assert_eq!(refusal.code, Code::SigstoreNoIdToken);
    assert!(refusal.help.contains("id-token: write"));
}

#[test]
fn the_identity_is_not_shown() {
    let oidc = Oidc { request_token: Some("secret".into()), ..Oidc::default() };
    assert!(!format!("{oidc:?}").contains("secret"));
}
