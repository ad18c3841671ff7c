//! 모형이 잘못을 찾을 수 있다는 것을, 코드를 한 줄씩 틀리게 고친 것([`models::TWISTS`])이 모두 걸리는 것으로 보입니다.
use models::machine::Mode;
