//! 부모와 작업자들이 함께 보는 메모리: 게시판([`Board`])과 작업자마다 하나인 책상([`Desk`]).
//!
//! ```text
//!           게시글(posts)                 표지(claims)
//!   부모 ──▶ 함수, 항목들, …  ──── 읽기 ──▶ 번호 | 가져간 작업자 ◀── 작업자
//!
//!           책상(desk)
//!   부모 ◀── 결과의 고리, 지금 하는 항목 ◀── 작업자 하나
//! ```
//!
//! 부모가 묶음을 게시판에 붙이면, 일이 없는 작업자가 표지에 자기 번호를 적어(원자적 교환 한 번) 가져갑니다. 먼저 적은 작업자
//! 하나만 성공하고, 누가 가져갔는지가 곧 표지의 값이므로, 어느 명령에서 죽어도 주인을 압니다. 부모가 다른 일을 하는 동안에도
//! 작업자들은 스스로 다음 묶음을 가져갑니다. 부모는 위치를 돌아가며 쓰므로 작업자는 마지막으로 가져간 것의 다음만 보면 되고, 작업자는
//! 책상에 볼 것이 있으면 자기 비트를 켜므로 부모는 켜진 책상만 보면 됩니다. 그래서 작업자가 많아도 느려지지 않습니다(`compare -- --growth`).
//!
//! 게시글은 작업자에게 읽기만 할 수 있게 건넵니다. 작업자 하나가 잘못되어도 다른 작업자가 받을 함수와 항목은 바뀌지 않습니다.
//! 작업자가 쓰는 것(표지와 책상)을 부모는 믿지 않고 확인합니다. 어긋난 것이 있으면 [`Corrupted`]입니다.

use std::io;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicU32, AtomicU64};

use ipc_core::Shared;
use ipc_core::build::{EventCount, Placed, ReadOnly, load_bytes, store_bytes, word_of};
use serde::{Deserialize, Serialize};

/// 게시글 하나에 실을 수 있는 항목의 크기(바이트). 더 크면 우편(채널)으로 보냅니다.
pub const POST_MAX: usize = 128 * 1024;
/// 게시글들 앞의 한 칸: 0이 아니면 게시판이 닫혔습니다.
const CLOSED: usize = 0;
/// 게시글의 앞머리(칸): 묶음의 번호, 함수의 위치, 건너뛸 수, 항목의 수, 바이트 수.
const POST_HEAD: usize = 5;
const POST_WORDS: usize = POST_HEAD + POST_MAX / 8;
/// 바이트 수가 이것이면, 항목은 게시글에 없고 우편으로 옵니다.
const BY_MAIL: u64 = u64::MAX;

/// 결과의 고리의 크기(칸). 2의 거듭제곱입니다.
const DESK_WORDS: usize = 16 * 1024;
/// 결과 하나가 이보다 크면(바이트) 고리 대신 우편으로 보냅니다.
pub const RESULT_MAX: usize = DESK_WORDS * 8 / 4;

/// 작업자가 쓴 것이 있을 수 없는 값입니다.
#[derive(Debug)]
pub struct Corrupted;

/// 작업자의 번호. 1부터이며, 0은 아무도 아닙니다.
pub type Who = u16;

/// 표지의 값: 위는 묶음의 번호, 아래 16비트는 가져간 작업자.
fn claim(seq: u64, who: Who) -> u64 {
    seq << 16 | u64::from(who)
}

/// [`Bell::news`]에서 `who`의 비트. 작업자가 예순넷보다 많으면 여럿이 하나를 함께 씁니다.
fn bit(who: Who) -> u64 {
    1 << (who % 64)
}

/// `place`번째 게시글이 시작하는 칸.
fn start_of(place: usize) -> usize {
    CLOSED + 1 + place * POST_WORDS
}

/// 모두가 쓰는 메모리의 앞부분.
#[derive(Default)]
pub struct Bell {
    /// 묶음을 붙이거나 닫으면 알립니다. 일이 없는 작업자가 여기서 기다립니다.
    posted: EventCount,
    /// 마지막으로 가져간 묶음의 번호와 위치(위와 아래 16비트). 다음 것은 대개 그다음 위치에 있습니다.
    last_taken: AtomicU64,
    /// 책상에 볼 것이 있는 작업자들([`bit`]).
    news: AtomicU64,
    /// 1이면 부모가 잠들어 있으므로, 부모가 볼 것이 생겼을 때 우편으로 깨워야 합니다.
    parent_asleep: AtomicU32,
}

// SAFETY: 수의 아토믹뿐입니다.
unsafe impl Placed for Bell {}

/// 부모 쪽의 게시판.
pub struct Board {
    posts: Shared<(), AtomicU64>,
    claims: Shared<Bell, AtomicU64>,
}

/// 작업자에게 건네는 게시판.
#[derive(Serialize, Deserialize)]
pub struct BoardView {
    posts: ReadOnly,
    claims: Shared<Bell, AtomicU64>,
}

/// 게시글의 내용. `items`가 없으면 우편으로 옵니다.
pub struct Post<'a> {
    pub run: u64,
    pub skip: u32,
    pub count: u32,
    pub items: Option<&'a [u8]>,
}

impl Board {
    /// 게시글을 `places`개까지 붙일 수 있는 게시판.
    pub fn new(places: usize) -> io::Result<Board> {
        let posts = Shared::with_tail((), start_of(places))?;
        Ok(Board { posts, claims: Shared::with_tail(Bell::default(), places)? })
    }

    pub fn places(&self) -> usize {
        self.claims.tail().len()
    }

    pub fn view(&self) -> BoardView {
        BoardView { posts: self.posts.read_only(), claims: self.claims.clone() }
    }

    /// 빈 자리 `place`에 `seq`번 묶음을 붙이고, 일이 없는 작업자 하나를 깨웁니다.
    pub fn post(&self, place: usize, seq: u64, post: &Post) {
        let words = &self.posts.tail()[start_of(place)..][..POST_WORDS];
        let length = post.items.map_or(BY_MAIL, |items| items.len() as u64);
        let head = [seq, post.run, u64::from(post.skip), u64::from(post.count), length];
        words.iter().zip(head).for_each(|(word, value)| word.store(value, Relaxed));
        store_bytes(&words[POST_HEAD..], post.items.unwrap_or_default());
        self.claims.tail()[place].store(claim(seq, 0), Release);
        self.claims.posted.notify_one();
    }

    /// `place`에 붙인 `seq`번 묶음을 가져간 작업자. 아직 없으면 0입니다.
    pub fn owner(&self, place: usize, seq: u64) -> Result<Who, Corrupted> {
        let found = self.claims.tail()[place].load(Acquire);
        if found >> 16 == seq { Ok(found as Who) } else { Err(Corrupted) }
    }

    /// 아직 아무도 가져가지 않은 `seq`번 묶음을 떼어 냅니다. 늦었으면 `false`입니다.
    pub fn take_down(&self, place: usize, seq: u64) -> bool {
        let claims = &self.claims.tail()[place];
        claims.compare_exchange(claim(seq, 0), 0, AcqRel, Relaxed).is_ok()
    }

    /// 더 붙이지 않겠다고 알립니다. 작업자들은 붙어 있는 것을 마치고 끝납니다.
    pub fn close(&self) {
        self.posts.tail()[CLOSED].store(1, SeqCst);
        self.claims.posted.notify_all();
    }

    /// 책상에 볼 것이 있다고 그동안 알린 작업자들.
    pub fn news(&self) -> News {
        News(self.claims.news.swap(0, AcqRel))
    }

    /// 부모가 곧 잠든다고(또는 깨어 있다고) 알립니다. 잠든다고 알린 뒤에는 [`Board::news`]를 한 번 더 보아야 합니다.
    pub fn parent_sleeps(&self, asleep: bool) {
        self.claims.parent_asleep.store(asleep.into(), Relaxed);
    }
}

/// 알린 작업자들의 비트.
#[derive(Clone, Copy)]
pub struct News(u64);

impl News {
    /// `who`가 알렸는지. 알리지 않았는데 `true`일 수도 있습니다.
    pub fn from(self, who: Who) -> bool {
        self.0 & bit(who) != 0
    }
}

impl BoardView {
    /// 같은 게시판을 보는 프로세스들에서 같은 번호.
    pub fn id(&self) -> u64 {
        self.claims.id()
    }

    /// 묶음 하나를 가져올 때까지 기다립니다. 게시판이 닫히고 비면 `None`입니다.
    pub fn take(&self, who: Who) -> Option<(usize, u64)> {
        let look = || {
            // 닫혔는지를 먼저 봅니다. 닫히기 전에 붙인 것은 그 뒤의 확인에서 반드시 보입니다.
            let closed = self.posts.load(CLOSED, SeqCst) != 0;
            let taken = self.take_now(who).map(Some);
            Ok::<_, std::convert::Infallible>(taken.or(closed.then_some(None)))
        };
        self.claims.posted.wait_for(None, look).unwrap_or_default().flatten()
    }

    /// 붙어 있는 것 가운데, 마지막으로 가져간 것의 다음 것을 가져옵니다.
    ///
    /// 부모는 위치를 돌아가며 쓰므로, 가져간 것 다음부터 한 바퀴 돌면 먼저 붙인 것을 먼저 만납니다.
    fn take_now(&self, who: Who) -> Option<(usize, u64)> {
        let claims = self.claims.tail();
        let last = self.claims.last_taken.load(Relaxed) as Who;
        let next = (usize::from(last) + 1) % claims.len();
        for place in (next..claims.len()).chain(0..next) {
            let word = &claims[place];
            let found = word.load(Acquire);
            if found == 0 || found as Who != 0 {
                continue;
            }
            let seq = found >> 16;
            if word.compare_exchange(found, claim(seq, who), AcqRel, Relaxed).is_ok() {
                self.claims.last_taken.fetch_max(claim(seq, place as Who), Relaxed);
                return Some((place, seq));
            }
        }
        None
    }

    /// 가져온 게시글을 읽습니다. 항목은 `items`에 담고, 우편으로 올 것이면 `false`입니다.
    ///
    /// 표지는 다른 작업자가 잘못 적었을 수 있으므로, 게시글에 적힌 번호가 다르면 읽지 않습니다.
    pub fn read(
        &self,
        place: usize,
        seq: u64,
        items: &mut Vec<u8>,
    ) -> Result<(u64, u32, u32, bool), Corrupted> {
        let start = start_of(place);
        let [posted, run, skip, count, length] =
            std::array::from_fn(|index| self.posts.load(start + index, Relaxed));
        if posted != seq {
            return Err(Corrupted);
        }
        let here = length != BY_MAIL;
        if here {
            self.posts.load_bytes(start + POST_HEAD, length as usize, items);
        }
        Ok((run, skip as u32, count as u32, here))
    }

    /// `who`의 책상에 볼 것이 있다고 알립니다. 부모가 잠들어 있어 우편으로 깨워야 하면 `true`이며, 한 번만 그렇습니다.
    pub fn tell(&self, who: Who) -> bool {
        self.claims.news.fetch_or(bit(who), AcqRel);
        // 부모는 잔다고 적은 다음에 `news`를 교환합니다. 그 교환이 위의 것보다 먼저였다면 여기서 1이 보입니다.
        let asleep = &self.claims.parent_asleep;
        asleep.load(Relaxed) == 1 && asleep.swap(0, Relaxed) == 1
    }
}

/// 책상의 앞부분. 작업자가 쓰고 부모가 읽습니다(`read`만 반대입니다).
#[derive(Default)]
pub struct DeskTop {
    /// `initializer`까지 마쳤으면 1.
    pub ready: AtomicU32,
    /// 우편으로 보낸 결과의 수.
    pub mailed: AtomicU32,
    /// 지금 계산하는 항목: 위 32비트는 묶음의 번호(아래 32비트), 아래는 항목의 위치.
    item: AtomicU64,
    /// 지금까지 쓴 칸의 수.
    written: AtomicU64,
    /// 부모가 지금까지 읽은 칸의 수.
    read: AtomicU64,
    /// 부모가 읽으면 알립니다.
    room: EventCount,
}

// SAFETY: 수의 아토믹뿐입니다.
unsafe impl Placed for DeskTop {}

/// 작업자의 책상. 결과는 내는 대로 여기에 놓이므로, 작업자가 죽어도 낸 결과는 남습니다.
pub type Desk = Shared<DeskTop, AtomicU64>;

/// 새 책상.
pub fn desk() -> io::Result<Desk> {
    Shared::with_tail(DeskTop::default(), DESK_WORDS)
}

/// 결과의 고리에 놓이는 기록의 종류.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 묶음을 시작했습니다. 내용은 그 묶음이 붙은 위치입니다.
    Begin,
    /// 값.
    Value,
    /// 실패한 이유.
    Cause,
    /// 묶음을 마쳤습니다.
    End,
}

/// 기록의 앞머리 한 칸: 위 32비트는 항목의 위치(시작과 끝이면 묶음의 번호), 다음 2비트는 종류, 나머지는 길이(바이트).
#[derive(Clone, Copy)]
pub struct RecordHead {
    pub index: u32,
    pub kind: Kind,
    pub length: usize,
}

impl RecordHead {
    fn pack(self) -> u64 {
        u64::from(self.index) << 32 | (self.kind as u64) << 30 | self.length as u64
    }

    pub fn unpack(word: u64) -> RecordHead {
        let kind = match word >> 30 & 3 {
            0 => Kind::Begin,
            1 => Kind::Value,
            2 => Kind::Cause,
            _ => Kind::End,
        };
        RecordHead { index: (word >> 32) as u32, kind, length: word as usize & ((1 << 30) - 1) }
    }

    /// 기록이 차지하는 칸의 수.
    pub fn words(self) -> usize {
        1 + self.length.div_ceil(8)
    }
}

impl DeskTop {
    /// 작업자: 이제 `seq`번 묶음의 `index`번째 항목을 계산합니다.
    #[inline]
    pub fn start_item(&self, seq: u64, index: u32) {
        self.item.store(seq << 32 | u64::from(index), Release);
    }

    /// 부모: `seq`번 묶음에서 마지막으로 시작한 항목.
    pub fn item_of(&self, seq: u64) -> Option<u32> {
        let item = self.item.load(Acquire);
        (item >> 32 == seq & 0xffff_ffff).then_some(item as u32)
    }
}

/// 작업자: 기록 하나를 놓습니다. `bytes`는 내용이며, 칸을 채우려고 뒤에 덧붙인 것이 있어도 됩니다.
///
/// 공간이 없으면 `when_full`을 호출한 뒤 부모가 읽기를 기다립니다. 이 기록으로 고리의 반이 찼으면 `true`입니다.
#[inline]
pub fn write_record(desk: &Desk, head: RecordHead, bytes: &[u8], when_full: impl FnOnce()) -> bool {
    let written = desk.written.load(Relaxed);
    // 다른 프로세스가 엉뚱한 값을 적어 두었어도 오버플로로 패닉하지 않게 합니다.
    let end = written.wrapping_add(head.words() as u64);
    // 이 기록까지 놓으면 차 있게 될 칸의 수. 놓은 뒤에는 부모가 벌써 다 읽었을 수 있습니다.
    let used = || end.wrapping_sub(desk.read.load(Acquire)) as usize;
    let fits = || used() <= DESK_WORDS;
    if !fits() {
        when_full();
        let room = || Ok::<_, std::convert::Infallible>(fits().then_some(()));
        let _ = desk.room.wait_for(None, room);
    }
    let words = desk.tail();
    let put = |at: usize, word: u64| words[at % DESK_WORDS].store(word, Relaxed);
    let start = written as usize;
    put(start, head.pack());
    for (index, bytes) in bytes.chunks(8).take(head.words() - 1).enumerate() {
        put(start.wrapping_add(1 + index), word_of(bytes));
    }
    desk.written.store(end, Release);
    let used = used();
    used > DESK_WORDS / 2 && used.wrapping_sub(head.words()) <= DESK_WORDS / 2
}

/// 부모: 아직 읽지 않은 기록들을 `copy`에 복사하고 작업자에게 공간을 반납합니다. 지금까지 읽은 칸의 수 `read`를 새 값으로 바꿉니다.
///
/// 책상에 적힌 것은 작업자가 언제든 바꿀 수 있으므로, 복사한 것만 확인하고 씁니다.
pub fn read_records(desk: &Desk, read: &mut u64, copy: &mut Vec<u8>) -> Result<(), Corrupted> {
    let end = desk.written.load(Acquire);
    let left = end.wrapping_sub(*read) as usize;
    if left > DESK_WORDS {
        return Err(Corrupted);
    }
    let words = desk.tail();
    let at = *read as usize % DESK_WORDS;
    let first = left.min(DESK_WORDS - at);
    load_bytes(&words[at..][..first], copy);
    load_bytes(&words[..left - first], copy);
    *read = end;
    // 새 기록이 없어도 다르면 적습니다. 잘못된 프로세스가 바꾸어 두었으면, 작업자는 자리가 없는 줄 알고 기다립니다.
    if desk.read.load(Relaxed) != end {
        desk.read.store(end, Release);
        desk.room.notify_one();
    }
    Ok(())
}

/// 복사해 둔 기록들의 맨 앞의 것: 앞머리, 내용, 나머지 기록들. 끝이 잘린 기록은 없는 것으로 봅니다.
#[inline]
pub fn first_record(records: &[u8]) -> Option<(RecordHead, &[u8], &[u8])> {
    let (head, rest) = records.split_first_chunk::<8>()?;
    let head = RecordHead::unpack(u64::from_le_bytes(*head));
    let (content, rest) = rest.split_at_checked(8 * (head.words() - 1))?;
    Some((head, content.get(..head.length)?, rest))
}
