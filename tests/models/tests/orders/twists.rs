//! 모형이 잘못을 찾을 수 있다는 것을, 코드를 한 줄씩 틀리게 고친 것([`models::TWISTS`])이 모두 걸리는 것으로 보입니다.

use std::panic::catch_unwind;

use models::machine::Mode;

use crate::{joinable, pool, queue, wait};

/// 비틀기마다, 그것을 잡아내는 모형.
const CAUGHT_BY: &[(&str, fn())] = &[
    ("두 번째로 살펴보지 않고 잠든다", wait::two_wait_for_one_each),
    ("기다린다는 표시를 교환하지 않고 저장한다", wait::two_wait_for_one_each),
    ("기다리는 쪽이 있는지 교환하지 않고 읽는다", wait::two_wait_for_one_each),
    ("깨어난 쪽이 다음을 깨우지 않는다", wait::two_wait_for_one_each),
    ("깨우기 전에 값을 바꾸지 않는다", wait::two_wait_for_one_each),
    ("살펴본 뒤의 값으로 잠든다", wait::two_wait_for_one_each),
    ("비었다고 Relaxed로 적는다", joinable::finished_work_is_joined),
    ("비었는지 Relaxed로 본다", joinable::finished_work_is_joined),
    ("위치를 Relaxed로 옮긴다", queue::two_readers),
    ("내용보다 위치를 먼저 옮긴다", queue::two_readers),
    ("차례를 지키지 않고 꺼낸다", queue::two_readers),
    ("차례를 지키지 않고 넣는다", queue::writers_together),
    ("넣기 전에 알린다", queue::two_readers),
    ("꺼낸 뒤에 알리지 않는다", queue::two_writers),
    ("차례를 얻기 전에 닫는다", queue::closed_while_putting),
    ("공간을 기다리는 쪽에 닫힌다고 알리지 않는다", queue::closed_while_full),
    ("꺼내는 쪽에 닫혔다고 알리지 않는다", queue::closed_while_putting),
    ("반대쪽의 위치를 느슨하게 본다", queue::two_readers),
    ("닫혔는지를 나중에 본다", queue::closed_while_putting),
    ("꺼낸 다음에 손을 쥔다", joinable::finished_work_is_joined),
    ("그 사이 바뀐 수를 믿는다", joinable::finished_work_is_joined),
    ("일을 놓고 알리지 않는다", joinable::finished_work_is_joined),
    ("표지를 교환하지 않고 적는다", pool::each_chunk_is_taken_once),
    ("떼어 낼 때 교환하지 않고 지운다", pool::taken_or_taken_down),
    ("게시글보다 표지를 먼저 붙인다", pool::both_workers_wake),
    ("표지를 Relaxed로 붙인다", pool::both_workers_wake),
    ("붙이고 알리지 않는다", pool::both_workers_wake),
    ("게시판이 닫혔는지를 나중에 본다", pool::each_chunk_is_taken_once),
    ("기록을 쓰기 전에 끝을 옮긴다", pool::news_reaches_the_parent),
    ("기록의 끝을 Relaxed로 옮긴다", pool::news_reaches_the_parent),
    ("책상을 읽고 알리지 않는다", pool::news_reaches_the_parent),
    ("부모가 자는지 본 뒤에 책상에 볼 것이 있다고 적는다", pool::one_word_reaches_the_parent),
    ("책상에 볼 것이 있다고 Relaxed로 적는다", pool::one_word_reaches_the_parent),
    ("책상에 볼 것이 있는지 Relaxed로 본다", pool::one_word_reaches_the_parent),
    ("책상에 볼 것이 있다는 표시를 교환하지 않고 지운다", pool::news_reaches_the_parent),
];

fn fails(mode: Mode, explore: impl FnOnce(Mode) + std::panic::UnwindSafe) -> bool {
    catch_unwind(|| explore(mode)).is_err()
}

pub fn every_twist_is_caught() {
    let named: Vec<_> = CAUGHT_BY.iter().map(|(name, _)| *name).collect();
    let unnamed: Vec<_> = models::TWISTS.iter().filter(|name| !named.contains(name)).collect();
    assert!(unnamed.is_empty(), "잡아내는 모형을 정하지 않은 비틀기가 있습니다: {unnamed:#?}");
    let missed = CAUGHT_BY.iter().filter(|(name, model)| {
        !fails(Mode { twist: Some(name), ..Mode::STRICT }, |mode| mode.explore(model))
    });
    let missed: Vec<_> = missed.map(|(name, _)| name).collect();
    assert!(missed.is_empty(), "모형이 찾지 못한 잘못이 있습니다: {missed:#?}");
}

/// 알리기 전에 죽은 쪽이 있으면, 스스로 다시 살펴보지 않고는 일어나지 못합니다.
pub fn rechecking_is_needed_after_a_kill() {
    assert!(fails(Mode::STRICT, |mode| mode.at_every_step(queue::writer_dies)));
}
