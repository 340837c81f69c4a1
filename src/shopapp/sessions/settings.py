from shopapp.settings import SessionSettings, load_session_settings  # noqa
