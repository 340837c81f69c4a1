"""Where ours differs from pyramid_session_redis on purpose: which of its tests fail, why, and at what.

A test fails for the reason that is given here and no other: ``at`` is in its message. What it asserts before holds.
"""

from dataclasses import dataclass

INCLUDE = "test_config::Test_includeme_simple"
ADVANCED = "test_config::Test_includeme_advanced"
FACTORY = "test_factory::TestRedisSessionFactory"
TIMES = "test_factory::TestRedisSessionFactory_expiries_v1_4_x"
LOGGED = "test_factory::TestRedisSessionFactory_loggedExceptions"
INVALID = "test_factory::TestRedisSessionFactory_Invalid"

SCENARIOS = """
    existing__noTimeout_noTrigger_noPythonExpires_noRedisTtl
    existing__noTimeout_noTrigger_noPythonExpires_setRedisTtl
    existing__noTimeout_noTrigger_pythonExpires_noRedisTtl
    existing__noTimeout_noTrigger_pythonExpires_setRedisTtl
    existing__noTimeout_trigger_pythonExpires_noRedisTtl
    existing__noTimeout_trigger_pythonExpires_setRedisTtl
    existing__noTimeout_trigger_pythonNoExpires_noRedisTtl
    existing__noTimeout_trigger_pythonNoExpires_setRedisTtl
    existing__timeout_noTrigger_noPythonExpires_noRedisTtl_noChange
    existing__timeout_noTrigger_noPythonExpires_setRedisTtl_noChange_classic
    existing__timeout_noTrigger_noPythonExpires_setRedisTtl_noChange_readheavy
    existing__timeout_noTrigger_pythonExpires_noRedisTtl_noChange
    existing__timeout_noTrigger_pythonExpires_setRedisTtl_noChange
    existing__timeout_trigger_pythonExpires_noRedisTtl_noChange
    existing__timeout_trigger_pythonExpires_setRedisTtl_noChange
    existing__timeout_trigger_pythonNoExpires_noRedisTtl_noChange
    existing__timeout_trigger_pythonNoExpires_setRedisTtl_noChange
    flow__timeout_trigger_pythonExpires_noRedisTtl
    flow__timeout_trigger_pythonExpires_setRedisTtl
    new__noTimeout_noTrigger_noPythonExpires_noRedisTtl
    new__noTimeout_noTrigger_noPythonExpires_setRedisTtl
    new__noTimeout_noTrigger_pythonExpires_noRedisTtl
    new__noTimeout_noTrigger_pythonExpires_setRedisTtl
    new__noTimeout_trigger_pythonExpires_noRedisTtl
    new__noTimeout_trigger_pythonExpires_setRedisTtl
    new__noTimeout_trigger_pythonNoExpires_noRedisTtl
    new__noTimeout_trigger_pythonNoExpires_setRedisTtl
    new__timeout_noTrigger_noPythonExpires_noRedisTtl
    new__timeout_noTrigger_noPythonExpires_setRedisTtl_classic
    new__timeout_noTrigger_noPythonExpires_setRedisTtl_readheavy
    new__timeout_noTrigger_pythonExpires_noRedisTtl
    new__timeout_noTrigger_pythonExpires_setRedisTtl
    new__timeout_trigger_pythonExpires_noRedisTtl
    new__timeout_trigger_pythonExpires_setRedisTtl
    new__timeout_trigger_pythonNoExpires_noRedisTtl
    new__timeout_trigger_pythonNoExpires_setRedisTtl
"""


@dataclass(frozen=True)
class Difference:
    """Tests that fail for one reason."""

    why: str
    at: str
    tests: tuple[str, ...]


DIFFERENCES = (
    Difference(
        "It counts the library's commands to Redis. Ours sends others and fewer: tests/functional/sessions has their "
        "number, and when the timeout is pushed out. What is stored of the clocks is compared before.",
        "'Backend' object has no attribute '_history'",
        tuple(f"{TIMES}::test_scenario_{name}" for name in SCENARIOS.split()),
    ),
    Difference(
        "It looks into the settings for what their dotted names stand for. Ours leaves the settings as they are.",
        "TypeError: 'str' object is not callable",
        (
            f"{INCLUDE}::test_includeme_client_callable",
            f"{INCLUDE}::test_includeme_id_generator",
            f"{INCLUDE}::test_includeme_invalid_logger",
        ),
    ),
    Difference(
        "pickle runs what is stored as code, so it is refused: the settings of this test are given without.",
        "KeyError: 'redis.sessions.serialize'",
        (f"{INCLUDE}::test_includeme_serialize_deserialize",),
    ),
    Difference(
        "It asks for the library's words. Ours has an error of its own, with every mistake in the settings.",
        "SettingsError: redis.sessions.secret is missing",
        (f"{ADVANCED}::test_fails__no_cookiesigner__no_secret", f"{INVALID}::test_fails__no_cookiesigner__no_secret"),
    ),
    Difference(
        "Settings are text, for whoever writes them: an object among them is refused, its dotted name is not.",
        "SettingsError: redis.sessions.cookie_signer = '<tests._util.CustomCookieSigner object",
        (f"{ADVANCED}::test_fails__cookiesigner__secret",),
    ),
    Difference(
        "A secret beside the cookie_signer is no mistake: it seals what is stored, whoever signs the cookie.",
        "ValueError not raised",
        (f"{INVALID}::test_fails__cookiesigner__secret",),
    ),
    Difference(
        "A session that holds nothing is not stored, and so keeps no timeout.",
        "no session was stored",
        (
            f"{FACTORY}::test_adjusted_session_timeout_persists",
            f"{FACTORY}::test_adjusted_session_timeout_persists__legacy",
        ),
    ),
    Difference(
        "It tells an empty session in Redis by private state that it is new. Ours ends it, as the library an old one.",
        "assert 'Set-Cookie' not in ResponseHeaders",
        (f"{FACTORY}::test_existing_session",),
    ),
    Difference(
        "It writes the library's format into Redis, with the session's own functions. Ours is sealed.",
        "the sessions of shopapp.sessions have no deserialize",
        (
            f"{LOGGED}::test_logger_InvalidSession_PayloadLegacy",
            f"{LOGGED}::test_logger_InvalidSession_PayloadTimeout",
        ),
    ),
    Difference(
        "Stored bytes that we did not seal are nobody's session, and never an error: also those of another version.",
        "this should not be run",
        (f"{LOGGED}::test_deserialized_error_raw",),
    ),
    Difference(
        "By default a session that has become empty stays: to end it would lose a write that is on its way to it.",
        "assert 'Set-Cookie' in ResponseHeaders",
        ("test_pyramid::Test_InvalidateEmptySession_Unconfigured::test_not_configured",),
    ),
)
