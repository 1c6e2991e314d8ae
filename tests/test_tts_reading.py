"""Plain text and Markdown as a person would read them aloud."""
from __future__ import annotations

import random

import pytest

from tests.folding import each
from tts_reading import Paragraph, markdown, paragraphs

# ---- plain text ------------------------------------------------------------------------------------------------------

LONG = "This line was wrapped by an editor at a width of about seventy columns"
HAN = "这是一个被编辑器在固定的宽度处折断了的很长的行它还没有说完话"


@each("text, expected", [
    ("", []), (" \n\t\n\u3000\n", []), ("\ufeff", []),
    ("一句话。", ["一句话。"]),
    ("第一段。\n第二段。\n第三段", ["第一段。", "第二段。", "第三段"]),
    ("第一段。\r\n第二段。\r第三段", ["第一段。", "第二段。", "第三段"]),
    ("a\u2028b\u0085c", ["a", "b", "c"]),
    ("\n\n\n一\n二\n\n", ["一", "二"]),
    (f"{LONG}\nand goes on.\n\nNext.", [f"{LONG} and goes on.", "Next."]),
    (f"{HAN}\n就是这样。\n\n下一段。", [f"{HAN}就是这样。", "下一段。"]),
    (f"{HAN}，\nPython也是。\n\n好。", [f"{HAN}， Python也是。", "好。"]),
    (f"{LONG} well-\nknown now\n\nNext.", [f"{LONG} well-known now", "Next."]),
    (f"{LONG} -\nand more\n\nNext.", [f"{LONG} - and more", "Next."]),
    ("이 줄은 편집기가 고정된 너비에서 끊은 아주 긴 줄이며 아직 끝나지 않고\n계속됩니다.\n\n끝.", ["이 줄은 편집기가 고정된 너비에서 끊은 아주 긴 줄이며 아직 끝나지 않고 계속됩니다.", "끝."]),
    ("静夜思\n\n床前明月光，\n疑是地上霜。\n举头望明月，\n低头思故乡。", ["静夜思", "床前明月光，\n疑是地上霜。\n举头望明月，\n低头思故乡。"]),
    ("Roses are red,\nviolets are blue.\n\nEnd.", ["Roses are red,\nviolets are blue.", "End."]),
    ("买：\n\n- 苹果\n- 梨\n* 桃\n• 李", ["买：", "苹果\n梨\n桃\n李"]),
    ("1. 打开\n2. 关上\n\n完", ["1. 打开\n2. 关上", "完"]),
    ("一、打开\n二、关上\n\n完", ["一、打开\n二、关上", "完"]),
    (f"- {LONG}\n  and goes on\n- {LONG}\n\nEnd.", [f"{LONG} and goes on\n{LONG}", "End."]),
    (f"- {LONG}\n- {HAN}{HAN}\n\nEnd.", [f"{LONG}\n{HAN}{HAN}", "End."]),
    (f"第一章\n{HAN}{HAN}\n就是这样。\n\n完", [f"第一章\n{HAN}{HAN}就是这样。", "完"]),
    (f"{HAN}。\n{HAN}！\n{HAN}？\n\n完", [f"{HAN}。\n{HAN}！\n{HAN}？", "完"]),
    ("\u3000\u3000第一段，\u3000\u3000很长\n\u3000\u3000第二段", ["第一段， 很长", "第二段"]),
    (f"题\n\n\u3000\u3000{HAN}\n{HAN}\n\u3000\u3000{HAN}", ["题", HAN + HAN, HAN]),
    ("a\tb  c\xa0d", ["a b c d"]),
    ("零\u200b宽\ufeff字\u2060符\xad与\x00控\x07制\x1b字符", ["零宽字符与控制字符"]),
    ("👨\u200d👩\u200d👧 می\u200cخواهم", ["👨\u200d👩\u200d👧 می\u200cخواهم"]),
    ("一\f二", ["一", "二"]),
    ("一\n二\f三\n四", ["一", "二", "三", "四"]),
    ("一\n----\n二\n＊＊＊\n三\n===\n四\n* * *\n五\n————\n六", ["一", "二", "三", "四", "五", "六"]),
    (f"{LONG}\n----\n{LONG}\n\nEnd.", [LONG, LONG, "End."]),
    ("你好--再见\n价格-5", ["你好--再见", "价格-5"]),
    ("……\n好。\n！\n😀", ["好。", "😀"]),
    ("**粗体** 与 [链接](x)", ["**粗体** 与 [链接](x)"]),
    ("坏\ud800字", ["坏字"]),
])
def test_plain_text(text, expected):
    assert paragraphs(text) == [Paragraph(one, 0) for one in expected]


# ---- Markdown --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("text, expected", [
    ("# 一", [("一", 1)]), ("###### 六 ######", [("六", 6)]), ("####### 七", [("####### 七", 0)]), ("##标题", [("标题", 2)]),
    ("#话题", [("#话题", 0)]), ("# C# 与 F#", [("C# 与 F#", 1)]), ("## H {#id}", [("H", 2)]), ("## H ## {#id .c}", [("H", 2)]), ("#", []),
    ("## **粗** `x` [链](u)", [("粗 x 链", 2)]),
    ("标题\n====\n正文", [("标题", 1), ("正文", 0)]), ("标题\n--\n正文", [("标题", 2), ("正文", 0)]),
    ("两行\n标题\n---", [("两行标题", 2)]), ("\n---\n正文", [("正文", 0)]), ("- 项\n---\n正文", [("项", 0), ("正文", 0)]),
    ("<h2 align=\"center\">标 <b>题</b></h2>", [("标 题", 2)]), ("正文\n# 题\n正文", [("正文", 0), ("题", 1), ("正文", 0)]),
    ("> # 题\n> 文", [("题", 1), ("文", 0)]),
])
def test_headings(text, expected):
    assert markdown(text) == [Paragraph(*one) for one in expected]


READ = [
    # front matter, comments
    ("---\ntitle: 题\ntags: [a]\n---\n正文", ["正文"]), ("+++\ntitle = '题'\n+++\n正文", ["正文"]), ("---\n正文。\n\n---\n", ["正文。"]),
    ("甲<!-- 乙 -->丙", ["甲丙"]), ("甲\n\n<!--\n乙\n\n丙\n-->\n\n丁", ["甲", "丁"]), ("写`<!--`和`-->`。", ["写<!--和-->。"]),
    # code
    ("甲\n```py\nx = 1\n```\n乙", ["甲", "乙"]), ("````\n```\nx\n```\n````\n乙", ["乙"]), ("~~~\n```\n~~~\n乙", ["乙"]), ("甲\n```\nx", ["甲"]),
    ("```\n# x\n``` y\n```\n乙", ["乙"]), ("> ```\n> x\n> ```\n> 乙", ["乙"]), ("> ```\n> x\n乙", ["乙"]),
    ("- 甲\n  ```\n  x\n  ```\n- 乙", ["甲", "乙"]), ("```x```很好", ["x很好"]), ("    x = 1\n\n    y = 2\n\n乙", ["乙"]), ("\tx\n乙", ["乙"]),
    ("甲\n    续", ["甲续"]), ("- 甲\n\n    续", ["甲", "续"]), ("运行`rm *_x*`。", ["运行rm *_x*。"]), ("``a ` b`` c", ["a ` b c"]), ("一个 ` 号", ["一个 ` 号"]),
    # links and addresses
    ("见[文](https://a.com \"题\")。", ["见文。"]), ("[a](<b c>) [d](e_(f) 'g')", ["a d"]), ("[a [b] c](d)", ["a [b] c"]),
    ("[甲][r]、[乙][]、[丙]\n\n[r]: http://a.b\n[乙]: <c> \"t\"", ["甲、乙、[丙]"]), ("[张三]: 你好", ["[张三]: 你好"]),
    ("好[1]，见[二][2]。\n\n[1]: http://a.b\n[2]: http://c.d", ["好，见二。"]), ("数组[1]", ["数组[1]"]),
    ("看<https://a.com>吧<a@b.co>", ["看吧"]), ("看https://a.com/x_y?z=1#w，好。", ["看，好。"]), ("（https://a.com）好(http://b.c)", ["好"]),
    ("[https://a.com](https://a.com)好", ["好"]), ("见www.a.com/x。", ["见。"]), ("写给 a_b@c.com。", ["写给 a_b@c.com。"]),
    ("https://a.com/a\\_b", []), ("See https://a.b/c_(d), then.", ["See, then."]), ("[[页|名]]和[[页]]", ["名和页"]),
    # pictures
    ("甲![图](a.png)乙", ["甲乙"]), ("![一只猫](a.png)", ["一只猫"]), ("![](a.png)", []), ("[![图](a)](b)", ["图"]), ("<img src=\"x\" alt=\"狗\">", ["狗"]),
    ("![图][r]\n\n[r]: a.png", ["图"]),
    # emphasis
    ("这是**粗**体、*斜*体、***全***。", ["这是粗体、斜体、全。"]), ("__a__ _b_ **c *d* e**", ["a b c d e"]), ("**“引”**后**（括）**，", ["“引”后（括），"]),
    ("《**书**》**注意：**内容", ["《书》注意：内容"]), ("snake_case_name 和 __init__.py", ["snake_case_name 和 init.py"]),
    ("2*3*4 = 24, 5 * 6 * 7", ["2*3*4 = 24, 5 * 6 * 7"]), ("2**3和4**5", ["2**3和4**5"]), ("f**k", ["f**k"]), ("**没有闭合：内容", ["没有闭合：内容"]),
    ("价格*另计", ["价格*另计"]), ("**跨\n行**", ["跨行"]), ("==亮== a==b", ["亮 a==b"]), ("~~旧~~新", ["新"]), ("好~ 好~~ 好~~", ["好~ 好~~ 好~~"]),
    ("<del>旧</del>新", ["新"]),
    ("\\*甲\\* \\# \\[x\\](y) 1\\. \\\\", ["*甲* # [x](y) 1. \\"]), ("$5 和 $10，$a_1*b_1*c$", ["$5 和 $10，$a_1*b_1*c$"]),
    ("$$\nx*y*z\n$$", ["$$ x*y*z $$"]),
    # notes
    ("甲[^1]乙[^注]。\n\n[^1]: 注一\n续\n\n    再续\n\n[^注]: 注二\n\n丙", ["甲乙。", "丙"]),
    # quotes
    ("> 甲\n> 乙\n\n> > 丙", ["甲乙", "丙"]), ("文\n> 引\n懒", ["文", "引懒"]), ("> [!NOTE]\n> 甲", ["甲"]), ("[TOC]\n\n甲", ["甲"]),
    # lists
    ("- 甲\n- 乙。\n* 丙\n+ 丁", ["甲\n乙。\n丙\n丁"]), ("1. 甲\n2) 乙", ["1. 甲\n2. 乙"]), ("- 甲\n  续\n  - 子\n    - 孙", ["甲续\n子\n孙"]),
    ("- [ ] 未\n- [x] 已\n- [链](x)", ["未\n已\n链"]), ("- 甲\n\n- 乙", ["甲", "乙"]), ("文\n- 甲", ["文", "甲"]),
    ("It was in\n1999. Then", ["It was in 1999. Then"]),
    ("- - 甲", ["甲"]), ("-5度", ["-5度"]), ("- ![图](a)\n- 甲", ["甲"]), ("* **甲**：乙\n* *丙*", ["甲：乙\n丙"]), ("- # 甲", ["甲"]),
    # tables
    ("|甲|乙|\n|-|:-:|\n|1|**二**|\n| |3|\n后", ["甲，乙\n1，二\n3", "后"]), ("a | b\n--- | ---\nc\\|d | `e`", ["a, b\nc|d, e"]),
    ("|好。|行|\n|-|-|\n|a.|b…|c|", ["好。行\na. b…, c"]),
    ("a | b\n不是表", ["a | b 不是表"]), ("> |a|b|\n> |-|-|\n> |c|d|", ["a, b\nc, d"]),
    # HTML, entities, breaks, rules
    ("甲<br>乙<br/>丙", ["甲\n乙\n丙"]), ("<div>\n<p>甲</p><p>乙</p>\n</div>", ["甲\n乙"]), ("<script>\nx\n\ny</script>甲<style>z</style>", ["甲"]),
    ("A &amp; B &lt;i&gt; &nbsp;&#20320;", ["A & B <i> 你"]), ("1 < 2 > 0", ["1 < 2 > 0"]), ("甲  \n乙\\\n丙\n丁", ["甲\n乙\n丙丁"]),
    ("one\ntwo", ["one two"]),
    ("甲\n\n***\n\n乙\n\n- - -\n丙\n___", ["甲", "乙", "丙"]), ("H<sub>2</sub>O <kbd>Ctrl</kbd>", ["H2O Ctrl"]), ("<!-- 没有闭合", ["<!-- 没有闭合"]),
    # tags of speech stay
    ("[excited] 好！[deep and loud shouting]走[laughing][sad]", ["[excited] 好！[deep and loud shouting]走[laughing][sad]"]),
    ("", []), ("\n\n", []), ("**", []), ("()", []), ("\ufeff甲\r\n乙\u200b", ["甲乙"]),
]


@each("text, expected", READ)
def test_markdown(text, expected):
    assert markdown(text) == [Paragraph(one, 0) for one in expected]


def test_an_article():
    article = """---
title: 通义语音
date: 2024-05-01
---
# 通义语音合成 #

通义**语音合成**（[官网](https://example.com/a_b)）支持*多种*音色[^1]，
详见《**用户手册**》。![截图](a.png)

## 1. 安装

```bash
pip install x
```

1. 打开`终端`
2. 运行命令
   - [x] 检查 ~~旧的~~ 版本

| 名称 | 价格 |
|:-----|-----:|
| 甲 | $5 |

> 注意：不要
> 泄露密钥。

[^1]: 共 48 种。
"""
    assert markdown(article) == [
        Paragraph("通义语音合成", 1), Paragraph("通义语音合成（官网）支持多种音色，详见《用户手册》。", 0), Paragraph("1. 安装", 2),
        Paragraph("1. 打开终端\n2. 运行命令\n检查 版本", 0), Paragraph("名称，价格\n甲，$5", 0), Paragraph("注意：不要泄露密钥。", 0)]


# ---- any text --------------------------------------------------------------------------------------------------------

PIECES = ["# ", "## ", "\n", "\n\n", "- ", "* ", "1. ", "> ", "```", "~~~", "`", "``", "**", "*", "_", "__", "~~", "==", "[", "]", "(",
          ")", "](u)", "![", "[^1]", "[^1]: ", "[r]: a.b\n",
          "|", "|-|-|\n", "---\n", "===\n", "<!--", "-->", "<br>", "<b>", "</b>", "<script>", "</script>", "<p>", "&amp;", "&", "\\", "$",
          "$$", "https://a.com/b", "    ", "\t", "  \n",
          "甲", "乙。", "word", " ", "\u3000", "\r\n", "\f", "\x00", "\ufdd0", "\ufdd1", "0", "\ud800", "\u200b", "😀", "{#id}", "----\n"]


@each("seed", range(80))
def test_any_text_is_read_without_failing(seed):
    chance = random.Random(seed)
    text = "".join(chance.choices(PIECES, k=chance.choice((5, 50, 500))))
    for found in (markdown(text), paragraphs(text)):
        for one in found:
            assert one.text == one.text.strip() and "\n\n" not in one.text and "  " not in one.text and 0 <= one.heading <= 6
            assert any(character.isalnum() or character == "😀" for character in one.text)
            assert not set(one.text) & set("\r\f\t\x00\ufdd0\ufdd1\ud800\u200b\u3000")


@each("block", ["**a ", "[a](b ", "<!--", "`a ", "_a ", "~~a ", "<script>", "[[]", "![a", "http://a(", ">", "- ", "\\",
                                  "$a ", "<a ", "a\n", "a  \n", "a\\\n",
                " ", "\u3000", "\n", "|`", "[^", "www.", "#", "-", "&", "- - a\n", "(", "*_", "<img ", "<del>", "> ```\na\n"])
def test_hostile_text_is_read_in_one_go(block):
    """Each of these made some Markdown reader's work grow with the square of the text; 20,000 characters would show it."""
    text = block * (20_000 // len(block))
    markdown(text)
    paragraphs(text)
