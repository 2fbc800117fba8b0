//! The ceilings: a gRPC echo, and the same with one group-committed file behind it.

use super::Failed;
use proto::ceiling_service_server::{CeilingService, CeilingServiceServer};
use proto::{EchoDurableRequest, EchoDurableResponse, EchoRequest, EchoResponse};
use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use tokio::sync::{mpsc, oneshot};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// The generated messages of the ceilings.
#[allow(
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    unreachable_pub,
    rust_2018_idioms,
    clippy::use_self,
    reason = "generated code has a style of its own"
)]
pub(super) mod proto {
    include!(concat!(env!("OUT_DIR"), "/tierline.bench.v1.rs"));
}

/// Most writers that share one sync.
const BATCH_MAX: usize = 1024;

type Write1 = (bytes::Bytes, oneshot::Sender<()>);

struct Echo {
    writes: mpsc::Sender<Write1>,
}

#[tonic::async_trait]
impl CeilingService for Echo {
    async fn echo(&self, request: Request<EchoRequest>) -> Result<Response<EchoResponse>, Status> {
        let payload_size = size(&request.into_inner().payload);
        Ok(Response::new(EchoResponse { payload_size }))
    }

    async fn echo_durable(
        &self,
        request: Request<EchoDurableRequest>,
    ) -> Result<Response<EchoDurableResponse>, Status> {
        let payload = request.into_inner().payload;
        let payload_size = size(&payload);
        let (synced, when_synced) = oneshot::channel();
        let gone = || Status::unavailable("the writer has stopped");
        self.writes.send((payload, synced)).await.map_err(|_| gone())?;
        when_synced.await.map_err(|_| gone())?;
        Ok(Response::new(EchoDurableResponse { payload_size }))
    }
}

fn size(payload: &[u8]) -> u32 {
    u32::try_from(payload.len()).unwrap_or(u32::MAX)
}

/// Answers until the process is ended.
pub(super) async fn serve(address: SocketAddr, file: &Path) -> Result<(), Failed> {
    let io = |source| Failed::Io { what: "write the ceiling's file".to_owned(), source };
    let mut file = File::create(file).map_err(io)?;
    let (writes, mut inbox) = mpsc::channel::<Write1>(16_384);
    std::thread::spawn(move || {
        let (mut batch, mut bytes) = (Vec::new(), Vec::new());
        while inbox.blocking_recv_many(&mut batch, BATCH_MAX) > 0 {
            bytes.clear();
            for (payload, _) in &batch {
                bytes.extend_from_slice(payload);
            }
            file.write_all(&bytes).and_then(|()| file.sync_data()).expect("the disk takes it");
            for (_, synced) in batch.drain(..) {
                // A caller who has gone needs no answer.
                let _ = synced.send(());
            }
        }
    });
    let bind = |source| Failed::Io { what: format!("listen on {address}"), source };
    let incoming = TcpIncoming::bind(address).map_err(bind)?.with_nodelay(Some(true));
    let service = CeilingServiceServer::new(Echo { writes });
    Server::builder().add_service(service).serve_with_incoming(incoming).await?;
    Ok(())
}
