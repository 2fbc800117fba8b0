//! All services as one: a call goes to the service that its path names.
//!
//! The four of the contract are called directly, for most calls are theirs and a general router in between
//! costs each of them about as much as the engine does; the rest goes through one.

use super::proto;
use super::proto::v1::admin_service_server::AdminServiceServer;
use super::proto::v1::agent_service_server::AgentServiceServer;
use super::proto::v1::intake_service_server::IntakeServiceServer;
use super::proto::v1::ops_service_server::OpsServiceServer;
use super::{Api, SENT_BYTES_MAX};
use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Body as Content;
use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::task::{Context, Poll};
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service};
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic_health::ServingStatus::{NotServing, Serving};
use tonic_health::server::HealthReporter;

/// Every service that is offered. Clones share everything.
#[derive(Clone)]
pub struct Services {
    intake: IntakeServiceServer<Api>,
    agent: AgentServiceServer<Api>,
    ops: OpsServiceServer<Api>,
    admin: AdminServiceServer<Api>,
    others: Routes,
}

impl Services {
    /// The four services with this api, health and reflection; and the reporter by which the server
    /// says whether they serve (see [`set_serving`]).
    pub fn new(api: Api) -> (Self, HealthReporter) {
        let read_max = api.settings.message_bytes_max;
        let api = Arc::new(api);
        macro_rules! limited {
            ($server:ident) => {
                $server::from_arc(api.clone())
                    .max_decoding_message_size(read_max)
                    .max_encoding_message_size(SENT_BYTES_MAX)
            };
        }
        let (reporter, health) = tonic_health::server::health_reporter();
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(proto::FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let contract = "build.rs has made the descriptors";
        let others = Routes::default()
            .add_service(health)
            .add_service(reflection().build_v1().expect(contract))
            .add_service(reflection().build_v1alpha().expect(contract));
        let services = Self {
            intake: limited!(IntakeServiceServer),
            agent: limited!(AgentServiceServer),
            ops: limited!(OpsServiceServer),
            admin: limited!(AdminServiceServer),
            others: others.prepare(),
        };
        (services, reporter)
    }
}

impl<B> Service<Request<B>> for Services
where
    B: Content<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>> + Send> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let path = request.uri().path();
        let service = path.split('/').nth(1).unwrap_or_default();
        match service {
            <IntakeServiceServer<Api> as NamedService>::NAME => self.intake.call(request),
            <AgentServiceServer<Api> as NamedService>::NAME => self.agent.call(request),
            <OpsServiceServer<Api> as NamedService>::NAME => self.ops.call(request),
            <AdminServiceServer<Api> as NamedService>::NAME => self.admin.call(request),
            _ => Box::pin(self.others.call(request)),
        }
    }
}

/// Says to health checks whether the server and each of the four services serve.
pub async fn set_serving(reporter: &HealthReporter, serves: bool) {
    let status = if serves { Serving } else { NotServing };
    for name in [
        "",
        <IntakeServiceServer<Api> as NamedService>::NAME,
        <AgentServiceServer<Api> as NamedService>::NAME,
        <OpsServiceServer<Api> as NamedService>::NAME,
        <AdminServiceServer<Api> as NamedService>::NAME,
    ] {
        reporter.set_service_status(name, status).await;
    }
}
