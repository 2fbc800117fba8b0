//! Changing the policy of a running server.

use crate::server::{POLICY, TestServer, ticket_of, told};
use tierline::api::proto::v1::{self as pb, PolicyOrigin as Origin};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// The usual policy under another name, with something replaced.
fn policy(version: &str, from: &str, to: &str) -> String {
    assert!(POLICY.contains(from), "{from}");
    POLICY.replace("test-1", version).replace(from, to)
}

async fn apply(server: &TestServer, toml: String, expected: &str) -> Result<String, Status> {
    let request = pb::ApplyPolicyRequest {
        toml,
        expected_version: expected.into(),
        reason: "a test".into(),
        by: "ada".into(),
    };
    let answer = server.admin().apply_policy(request).await?.into_inner();
    Ok(answer.policy.expect("an answer has its policy").version)
}

async fn in_force(server: &TestServer) -> String {
    let info = server.admin().get_server_info(pb::GetServerInfoRequest {}).await;
    info.expect("the server answers").into_inner().policy_version
}

async fn versions(server: &TestServer) -> Vec<pb::PolicyVersion> {
    let request = pb::ListPolicyVersionsRequest { with_toml: true, ..Default::default() };
    let answer = server.admin().list_policy_versions(request).await;
    answer.expect("the server answers").into_inner().versions
}

fn reason(version: &pb::PolicyVersion) -> (&str, pb::PolicyOrigin, &str, &str, bool) {
    let pb::PolicyVersion { version: name, by, reason, in_force, .. } = version;
    (name, version.origin(), by, reason, *in_force)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_is_compared_applied_and_rolled_back_while_tickets_wait() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior", "general"]).await;
    for number in 0..3 {
        server.submit(ticket_of(&format!("G-{number}"), "gold")).await;
    }
    let toml = policy("test-2", "pools = [\"senior\"]", "pools = [\"general\"]");
    let toml = toml.replace(
        "overflow = [{ after = \"40s\", pools = [\"general\"] }]",
        "overflow = [{ after = \"40s\", pools = [\"senior\"] }]",
    );
    let request = pb::DiffPolicyRequest { toml: toml.clone() };
    let diff = server.admin().diff_policy(request).await.unwrap().into_inner();
    assert_eq!((diff.version_in_force.as_str(), diff.version.as_str()), ("test-1", "test-2"));
    let change = diff.changes.iter().find(|change| change.path == "tiers.gold.pools").unwrap();
    assert_eq!((change.before.as_str(), change.after.as_str()), ("senior", "general"));
    let queues: Vec<_> = diff
        .queues
        .iter()
        .map(|queue| (queue.pools.join("+"), queue.before_count, queue.after_count))
        .collect();
    assert_eq!(queues, [("general".to_owned(), 0, 3), ("senior".to_owned(), 3, 0)]);
    assert!(diff.stranded.is_empty() && diff.agents_without_pool.is_empty());
    assert_eq!(in_force(&server).await, "test-1", "a comparison changes nothing");

    let refused = apply(&server, toml.clone(), "test-7").await.unwrap_err();
    assert_eq!(told(&refused), (Code::FailedPrecondition, "POLICY_NOT_EXPECTED".to_owned()));
    assert_eq!(apply(&server, toml.clone(), "test-1").await.unwrap(), "test-2");
    // Again, as after a lost answer: the same answer, and no new version.
    assert_eq!(apply(&server, toml, "test-1").await.unwrap(), "test-2");
    for number in 0..3 {
        let ticket = server.get(&format!("G-{number}")).await.unwrap();
        assert_eq!(ticket.pools, ["general"]);
    }
    let same_name = policy("test-2", "lease = \"1s\"", "lease = \"2s\"");
    let refused = apply(&server, same_name, "").await.unwrap_err();
    assert_eq!(told(&refused), (Code::FailedPrecondition, "POLICY_VERSION_TAKEN".to_owned()));

    let request = pb::RollbackPolicyRequest {
        version: "test-1".into(),
        reason: "waits grew".into(),
        by: "bob".into(),
        ..Default::default()
    };
    server.admin().rollback_policy(request.clone()).await.unwrap();
    assert_eq!(server.get("G-0").await.unwrap().pools, ["senior"]);
    let listed = versions(&server).await;
    assert_eq!(
        listed.iter().map(reason).collect::<Vec<_>>(),
        [
            ("test-1", Origin::Rollback, "bob", "waits grew", true),
            ("test-2", Origin::Call, "ada", "a test", false),
            ("test-1", Origin::Start, "", "", false),
        ]
    );
    assert_eq!((listed[0].toml.as_str(), listed[2].toml.as_str()), (POLICY, POLICY));
    let unknown = pb::RollbackPolicyRequest { version: "never".into(), ..request };
    let refused = server.admin().rollback_policy(unknown).await.unwrap_err();
    assert_eq!(told(&refused), (Code::NotFound, "POLICY_NOT_FOUND".to_owned()));
    let page = pb::ListPolicyVersionsRequest { page_size: 2, ..Default::default() };
    let page = server.admin().list_policy_versions(page).await.unwrap().into_inner();
    assert_eq!((page.versions.len(), page.next_before_seq), (2, listed[1].seq));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_strands_tickets_is_refused_with_the_list() {
    let server = TestServer::start().await;
    server.hire("dan", &["desk"]).await;
    server.submit(ticket_of("B-1", "brief")).await;
    server.submit(ticket_of("B-2", "brief")).await;
    let deserted = policy("test-2", "pools = [\"desk\"]", "pools = [\"senior\"]");
    let refused = apply(&server, deserted.clone(), "").await.unwrap_err();
    assert_eq!(told(&refused), (Code::FailedPrecondition, "POLICY_STRANDS".to_owned()));
    let list =
        "2 live tickets would be left behind: 2 of tier brief: nobody is in senior: B-1, B-2";
    assert_eq!(refused.message(), list);
    let details = refused.get_error_details();
    let violation = &details.precondition_failure().expect("the list").violations[0];
    assert_eq!((violation.r#type.as_str(), violation.subject.as_str()), ("STRANDED", "tier brief"));
    let dropped = policy("test-2", "name = \"brief\"", "name = \"other\"");
    let refused = apply(&server, dropped, "").await.unwrap_err();
    assert!(refused.message().contains("the policy has no such tier: B-1, B-2"));
    // Once somebody is there it is taken.
    server.hire("sue", &["senior"]).await;
    assert_eq!(apply(&server, deserted, "").await.unwrap(), "test-2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_faulty_text_is_told_and_changes_nothing() {
    let server = TestServer::start().await;
    let faulty = POLICY.replace("lease = \"1s\"", "lease = \"0s\"");
    let request = pb::CheckPolicyRequest { toml: faulty.clone() };
    let checked = server.admin().check_policy(request).await.unwrap().into_inner();
    assert!(checked.faults.iter().any(|fault| fault.contains("lease")), "{:?}", checked.faults);
    assert_eq!((checked.policy, checked.summary.as_str()), (None, ""));
    let refused = apply(&server, faulty.clone(), "").await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().starts_with("toml: policy:"), "{}", refused.message());
    let request = pb::DiffPolicyRequest { toml: faulty };
    assert_eq!(
        server.admin().diff_policy(request).await.unwrap_err().code(),
        Code::InvalidArgument
    );
    let request = pb::CheckPolicyRequest { toml: POLICY.to_owned() };
    let checked = server.admin().check_policy(request).await.unwrap().into_inner();
    assert!(checked.faults.is_empty() && checked.summary.contains("policy test-1"));
    assert_eq!(in_force(&server).await, "test-1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_keeps_what_was_applied_until_the_policy_file_changes() {
    let server = TestServer::start().await;
    let applied = policy("by-call", "lease = \"1s\"", "lease = \"2s\"");
    apply(&server, applied, "").await.unwrap();
    let server = server.restart().await;
    assert_eq!(in_force(&server).await, "by-call", "the file says what it said before");
    let server = server.restart_with(&policy("by-file", "lease = \"1s\"", "lease = \"3s\"")).await;
    assert_eq!(in_force(&server).await, "by-file", "the file has changed");
    let server = server.restart_with(POLICY).await;
    assert_eq!(in_force(&server).await, "test-1", "and has changed back");
    let names: Vec<_> = versions(&server).await.into_iter().map(|known| known.version).collect();
    assert_eq!(names, ["test-1", "by-file", "by-call", "test-1"]);
}
