"""In which language the screen speaks."""

from typing import Any

from chat_server.protocol.events import SettingShown
from stories import Pilot, StoryApp, play, settle, story


def test_the_screen_changes_its_language_with_the_servers() -> None:
    app: Any = story()
    assert isinstance(app, StoryApp)

    async def act(pilot: Pilot) -> None:
        await settle(pilot)
        assert "Online" in app.screen_text()
        app.tell(SettingShown("language", "zh"), ref="typed")
        await settle(pilot)
        shown = app.screen_text()
        for word in ("在线", "房间", "星期", "退出", "发言"):
            assert word in shown
        assert "Online" not in shown
        assert "Quit" not in shown
        app.tell(SettingShown("language", "en"), ref="typed")
        await settle(pilot)
        assert "在线" not in app.screen_text()

    play(app, act, size=(100, 30))
