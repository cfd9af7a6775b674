-- The step opens no closed period. One of its conditions lacked the floor, so each end of an instance opened them all;
-- the rest of the function stands as 0028 made it.
do $$
declare
  v_whole text := pg_get_functiondef('step'::regproc);
  v_part text := 'where n.project_id = i.project_id and n.instance_id = i.id';
begin
  if (length(v_whole) - length(replace(v_whole, v_part, ''))) <> length(v_part) then
    raise exception 'step is not what 0028 made';
  end if;
  execute replace(v_whole, v_part, v_part || ' and n.instance_id >= v_floor');
end $$;
