def test_answer(run):
    result = run("hello")
    assert result.code == 0, result
    assert "hello" in result.out
