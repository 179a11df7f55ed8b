//! MoldUDP64 retransmission: a request datagram is answered by one datagram of messages, or by silence.

use std::net::{SocketAddr, UdpSocket};

use super::{DATAGRAM, NAP, Tally};
use crate::{ExchangeError, chaos::Fault, exchange::Shared};

const HEADER: usize = 20;
const SESSION: usize = 10;

/// Opens the socket that requests come to.
pub(crate) fn bind(address: SocketAddr) -> Result<(UdpSocket, SocketAddr), ExchangeError> {
    let refused = |source| ExchangeError::Socket { what: "moldudp64: listening at".into(), address, source };
    let socket = UdpSocket::bind(address).map_err(refused)?;
    socket.set_read_timeout(Some(NAP)).map_err(refused)?;
    let address = socket.local_addr().map_err(refused)?;
    Ok((socket, address))
}

/// Answers requests for messages of a channel until the exchange stops.
pub(crate) fn serve(socket: &UdpSocket, shared: &Shared, channel: usize, tally: &Tally) {
    let mut buffer = [0; 256];
    while !shared.wants_stop() {
        // What a client did not take comes back as an error here, and is its own loss.
        let Ok((size, client)) = socket.recv_from(&mut buffer) else { continue };
        let (number, fault) = tally.begin();
        let answer = match fault {
            Some(Fault::Refuses | Fault::Hangs) => continue,
            Some(Fault::Garbage) => tally.garbage(number, 200),
            Some(Fault::BreaksOff) => {
                let whole = answered(&buffer[..size], shared, channel).map(|(answer, _)| answer).unwrap_or_default();
                whole[..whole.len() / 2].to_vec()
            }
            None => match answered(&buffer[..size], shared, channel) {
                Some((answer, messages)) => {
                    tally.note_answer(messages);
                    answer
                }
                None => {
                    tally.note_refusal();
                    continue;
                }
            },
        };
        let _ = socket.send_to(&answer, client);
    }
}

/// The datagram that answers a request, and how many messages it has: as many as fit of those that are out.
fn answered(request: &[u8], shared: &Shared, channel: usize) -> Option<(Vec<u8>, u64)> {
    let request: &[u8; HEADER] = request.try_into().ok()?;
    let (session, numbers) = request.split_at(SESSION);
    let first = u64::from_be_bytes(numbers[..8].try_into().ok()?);
    let wanted = u64::from(u16::from_be_bytes(numbers[8..].try_into().ok()?));
    let tape = &shared.tape;
    let mut answer = request.to_vec();
    let mut next = first;
    'packets: for packet in tape.from_sequence(channel, first, shared.published()) {
        let bytes = tape.bytes(packet);
        // Another session's numbers mean other messages.
        if bytes.get(..SESSION) != Some(session) {
            return None;
        }
        let info = tape.packets()[packet];
        let mut at = HEADER;
        for sequence in info.first_sequence..info.first_sequence + u64::from(info.sequence_count) {
            let size = 2 + usize::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
            let block = bytes.get(at..at + size)?;
            at += size;
            if sequence < next {
                continue;
            }
            if sequence > next || next - first == wanted || next > first && answer.len() + size > DATAGRAM {
                break 'packets;
            }
            answer.extend_from_slice(block);
            next += 1;
        }
    }
    let count = u16::try_from(next - first).ok().filter(|count| *count > 0)?;
    answer[HEADER - 2..HEADER].copy_from_slice(&count.to_be_bytes());
    Some((answer, u64::from(count)))
}
