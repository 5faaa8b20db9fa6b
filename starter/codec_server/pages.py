"""The two pages that people see of the codec server."""

from collections.abc import Sequence
from html import escape

_STYLE = """
body { font: 16px/1.6 system-ui, "Noto Sans CJK SC", sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem }
h1 { font-size: 1.3rem } input { font: inherit; width: 100%; padding: .4rem; box-sizing: border-box }
button { font: inherit; padding: .4rem 1.2rem; margin-top: 1rem } code { background: #eee; padding: .1rem .3rem }
.refused { color: #b00020 }
"""


def signing_in_page(refused: str | None = None) -> str:
    """Ask for an admin's key; say why the last one was refused."""
    told = f'<p class="refused" role="alert">✗ {escape(refused)}</p>' if refused else ""
    return _page(
        "登录 Sign in",
        f"""<p>出示管理员密钥后,本浏览器可在 Temporal 界面查看加密内容;每次解密都留痕。<br>
Show an admin's key and this browser may read what is encrypted, in the Temporal UI. Every opening is written down.</p>
{told}<form method="post" action="login">
<label>管理员密钥 Admin key<input type="password" name="key" autocomplete="off" required autofocus></label>
<button>登录 Sign in</button></form>""",
    )


def signed_in_page(reader: str, here: str, origins: Sequence[str]) -> str:
    """Say who is signed in, and the one thing that remains to be set in the UI."""
    listed = ", ".join(f'<a href="{escape(origin)}" rel="noreferrer">{escape(origin)}</a>' for origin in origins)
    return _page(
        f"已登录 Signed in: {escape(reader)}",
        f"""<p>Temporal UI: {listed or "—"}</p>
<p>首次使用须在 Temporal 界面设置一次 · once in each browser, in the Temporal UI:</p>
<ol><li>点右上角眼镜图标 · the glasses at the top right, <b>Configure Codec Server</b></li>
<li><b>Use my browser setting …</b>, 地址 · endpoint <code>{escape(here)}</code></li>
<li>勾选 · tick <b>Include cross-origin credentials</b>, 保存 · <b>Apply</b></li></ol>
<form method="post" action="logout"><button>退出 Sign out</button></form>""",
    )


def _page(title: str, body: str) -> str:
    head = f'<meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="zh-CN"><head>{head}</head><body><h1>{title}</h1>{body}</body></html>'
