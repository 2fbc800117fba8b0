//! What is personal stands in answers to agents alone: no line of the log and no metric has it, whatever
//! becomes of the ticket.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "support/server.rs"]
mod server;

use server::{TestServer, assigned, identifier, ticket};
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use tierline::api::proto::v1 as pb;
use tierline::directory::{self, Directory};
use tierline::metrics::Scrape;
use tracing_subscriber::fmt::MakeWriter;

/// What nobody may find: name, number, id, attribute, subject.
const SECRETS: [&str; 5] = ["Lovelace", "2025550101", "C-4711", "Marylebone", "diagnosis"];

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_line_of_the_log_and_no_metric_says_who_a_customer_is() {
    let lines = Lines::default();
    let log = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(lines.clone())
        .finish();
    tracing::subscriber::set_global_default(log).expect("this binary has one test");
    let server = TestServer::start().await;
    let customer = pb::Customer {
        customer_id: "C-4711".into(),
        tier: "gold".into(),
        name: "Ada Lovelace".into(),
        identifiers: vec![identifier(pb::IdentifierKind::Phone, "+12025550101")],
        attributes: [("benefits".to_owned(), "a house in Marylebone".to_owned())].into(),
    };
    let request = pb::PutCustomerRequest { customer: Some(customer) };
    server.admin().put_customer(request).await.expect("the customer is taken");
    server.hire("ann", &["senior"]).await;
    let call = |id: &str| pb::SubmitTicketRequest {
        customer: Some(identifier(pb::IdentifierKind::Phone, "+12025550101")),
        subject: "the diagnosis".into(),
        topic: "health".into(),
        ..ticket(id)
    };
    for id in ["T-1", "T-2", "T-3"] {
        server.submit(call(id)).await;
        let taken = assigned(server.pull("ann", "").await);
        let card = taken.card.expect("it names somebody");
        let told = format!("{card:?}");
        assert!(["Lovelace", "C-4711", "Marylebone"].iter().all(|s| told.contains(s)), "{told}");
        server.complete(id, taken.lease_token).await.expect("it is completed");
    }
    let of = Some(pb::get_customer_card_request::Of::CustomerId("C-4711".into()));
    let card = server.agent().get_customer_card(pb::GetCustomerCardRequest { of }).await;
    assert_eq!(card.unwrap().into_inner().card.unwrap().last_contacts.len(), 3);
    let request = pb::ListRepeatContactsRequest::default();
    let repeats = server.ops().list_repeat_contacts(request).await.unwrap().into_inner();
    assert_eq!(repeats.topics[0].repeat_count, 2);
    assert!(SECRETS.iter().all(|secret| !format!("{repeats:?}").contains(secret)));

    let empty = tempfile::tempdir().unwrap();
    let source = directory::Source::Embedded { path: empty.path().join("customers.db") };
    let settings = directory::Settings { source, ..directory::Settings::default() };
    let directory = Directory::open(settings, Arc::new(())).await.unwrap();
    let view = server.handle.view();
    let now = server.handle.clock().now();
    let scrape = Scrape { view: &view, now, directory: &directory, is_ready: true };
    let metrics = server.metrics.render(&scrape);
    assert!(metrics.contains("tierline_repeat_contacts_total{tier=\"gold\"} 2"), "{metrics}");
    // What runs in the background has written by the time the server has stopped and is there again.
    let server = server.restart().await;
    drop(server);
    let log = String::from_utf8(lines.0.lock().unwrap().clone()).expect("it is text");
    assert!(!log.is_empty(), "something is logged");
    for secret in SECRETS {
        assert!(!metrics.contains(secret), "a metric has {secret}");
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "the log has {secret}");
    }
}
